module github.com/filecleangen/filecleangen/examples/protobuf

go 1.26.0

tool (
	github.com/filecleangen/filecleangen/cmd/filecleangen
	google.golang.org/protobuf/cmd/protoc-gen-go
)

replace github.com/filecleangen/filecleangen => ../..

replace github.com/filecleangen/filecleangen/adapters/sqlclean => ../../adapters/sqlclean

require (
	github.com/filecleangen/filecleangen v0.0.0-00010101000000-000000000000
	github.com/filecleangen/filecleangen/adapters/sqlclean v0.0.0-00010101000000-000000000000
	github.com/spf13/afero v1.15.0
	google.golang.org/protobuf v1.36.12
	modernc.org/sqlite v1.60.0
)

require (
	github.com/dustin/go-humanize v1.0.1 // indirect
	github.com/fatih/structtag v1.2.0 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/mattn/go-isatty v0.0.24 // indirect
	github.com/ncruces/go-strftime v1.0.0 // indirect
	github.com/remyoudompheng/bigfft v0.0.0-20230129092748-24d4a6f8daec // indirect
	github.com/rogpeppe/go-internal v1.16.0 // indirect
	golang.org/x/mod v0.42.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.28.0 // indirect
	golang.org/x/tools v0.52.0 // indirect
	modernc.org/libc v1.77.1 // indirect
	modernc.org/mathutil v1.7.1 // indirect
	modernc.org/memory v1.12.1 // indirect
)
