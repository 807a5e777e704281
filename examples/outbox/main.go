// Outbox shows that a deletion that was promised survives a crash: a process
// replaces a picture, and kills itself between the commit and the deletion of the
// old one, with another picture uploaded that no row will ever name. The next
// start puts things right.
//
// store.go is the part to copy. The rest tells the story and checks it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/storage"
)

// folderVariable tells the process that is to crash where to work.
const folderVariable = "OUTBOX_EXAMPLE_FOLDER"

func main() {
	run := tell
	if folder := os.Getenv(folderVariable); folder != "" {
		run = func(ctx context.Context, _ io.Writer) error { return crash(ctx, folder) }
	}
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "outbox:", err)
		os.Exit(1)
	}
}

// crash is the first start. It does not return, unless something goes wrong.
func crash(ctx context.Context, folder string) error {
	s, err := open(ctx, folder)
	if err != nil {
		return err
	}
	for _, name := range []string{"old.png", "new.png"} {
		if err := s.SetCover(ctx, 1, name, strings.NewReader(name)); err != nil {
			return err
		}
	}
	never, err := s.box.Create(ctx, "media", "never.png")
	if err != nil {
		return err
	}
	if err := never.Close(); err != nil {
		return err
	}
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		return err
	}
	if err := self.Kill(); err != nil {
		return err
	}
	select {}
}

// tell tells the story in a temporary folder, which it removes.
func tell(ctx context.Context, out io.Writer) (err error) {
	folder, err := os.MkdirTemp("", "outbox-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	if err := makeMedia(folder); err != nil {
		return err
	}

	fmt.Fprintln(out, "The first start replaces a cover and commits, uploads another picture, and is killed.")
	if err := startAndCrash(ctx, folder); err != nil {
		return err
	}
	s, err := open(ctx, folder)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.expect(ctx, out, "never.png new.png old.png", "2 to be decided, 1 uploaded"); err != nil {
		return err
	}

	fmt.Fprintln(out, "The second start has a relay, which runs until nothing is left to do.")
	if err := s.relay(ctx); err != nil {
		return err
	}
	return s.expect(ctx, out, "new.png", "0 to be decided, 0 uploaded")
}

// makeMedia makes the directory of the pictures, and marks it as this
// environment's: what a deployment does, once.
func makeMedia(folder string) error {
	path := filepath.Join(folder, "media")
	if err := os.Mkdir(path, 0o755); err != nil {
		return err
	}
	media, err := storage.Dir(path)
	if err != nil {
		return err
	}
	defer media.Close()
	return outbox.Mark(media, environment)
}

// startAndCrash runs this program as the first start.
func startAndCrash(ctx context.Context, folder string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	first := exec.CommandContext(ctx, program)
	first.Env = append(os.Environ(), folderVariable+"="+folder)
	first.Stderr = os.Stderr
	var exit *exec.ExitError
	if err := first.Run(); !errors.As(err, &exit) {
		return fmt.Errorf("the first start was not killed: %w", err)
	}
	return nil
}

// relay runs the relay that a service has in the background, until all rows of
// the outbox are done.
func (s *Store) relay(ctx context.Context) error {
	relay, err := s.box.Relay(ctx, environment)
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- relay.Run(running) }()
	for ; ; time.Sleep(50 * time.Millisecond) {
		stats, err := s.box.Stats(ctx)
		if err != nil || stats == (outbox.Stats{}) {
			stop()
			return errors.Join(err, <-ended)
		}
	}
}

// expect shows what is on disk, in the row and in the outbox, and checks it.
func (s *Store) expect(ctx context.Context, out io.Writer, wantDisk, wantOutbox string) error {
	var disk []string
	entries, err := os.ReadDir(filepath.Join(s.folder, "media"))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() != outbox.MarkerName {
			disk = append(disk, e.Name())
		}
	}
	var cover string
	if err := s.db.QueryRowContext(ctx, "SELECT cover FROM article WHERE id = 1").Scan(&cover); err != nil {
		return err
	}
	stats, err := s.box.Stats(ctx)
	if err != nil {
		return err
	}
	gotDisk, gotOutbox := strings.Join(disk, " "), fmt.Sprintf("%d to be decided, %d uploaded", stats.Pending, stats.Uploads)
	fmt.Fprintf(out, "    on disk:    %s\n    the row:    %s\n    the outbox: %s\n", gotDisk, cover, gotOutbox)
	if gotDisk != wantDisk || cover != "new.png" || gotOutbox != wantOutbox {
		return fmt.Errorf("want on disk %s, in the row new.png, in the outbox %s", wantDisk, wantOutbox)
	}
	return nil
}
