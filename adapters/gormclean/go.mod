module github.com/filecleangen/filecleangen/adapters/gormclean

go 1.26.0

replace github.com/filecleangen/filecleangen => ../../

require (
	github.com/filecleangen/filecleangen v0.0.0-00010101000000-000000000000
	gorm.io/gorm v1.31.2
)

require (
	github.com/jinzhu/inflection v1.0.0 // indirect
	github.com/jinzhu/now v1.1.5 // indirect
	github.com/spf13/afero v1.15.0 // indirect
	golang.org/x/text v0.28.0 // indirect
)
