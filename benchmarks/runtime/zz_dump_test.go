package main

import (
	"context"
	"database/sql"
	"os"
	"testing"

	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/storage"
)

func TestDump(t *testing.T) {
	m := &mall{d: references.PostgreSQL}
	server, _ := sql.Open("pgx", "postgres://postgres@127.0.0.1:5432/test?sslmode=disable")
	server.Exec("DROP SCHEMA IF EXISTS trigpg CASCADE")
	server.Exec("CREATE SCHEMA trigpg")
	if err := m.open("pgx", "postgres://postgres@127.0.0.1:5432/test?sslmode=disable&search_path=trigpg"); err != nil {
		t.Fatal(err)
	}
	media, _ := storage.Dir(t.TempDir())
	if err := m.withTriggers(media, 20000); err != nil {
		t.Fatal(err)
	}
	s, err := m.box.Triggers(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile("/tmp/trig-pgspeed/ddl.sql", []byte(s), 0o644)
}
