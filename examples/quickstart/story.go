package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"image"
	"image/color"
	"image/png"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// story runs steps, shows what they leave and checks it.
type story struct {
	ctx   context.Context
	out   io.Writer
	store *Store
	media string // the directory
	told  int    // steps
}

func (s *story) tell(step step) error {
	s.told++
	fmt.Fprintf(s.out, "%d. %s\n", s.told, step.title)
	if err := s.do(step); !errors.Is(err, step.fails) {
		return errors.Join(errors.New("the transaction did not end as it should"), err)
	}
	rows, named, err := s.rows()
	if err != nil {
		return err
	}
	disk, err := s.disk()
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "   rows  %s\n   disk  %s\n", strings.Join(rows, "; "), strings.Join(disk, "  "))
	if !slices.Equal(disk, step.disk) {
		return fmt.Errorf("want on disk %s", strings.Join(step.disk, "  "))
	}
	for _, name := range named {
		if !slices.Contains(disk, name) {
			return fmt.Errorf("a row names %s, which is not on disk", name)
		}
	}
	return nil
}

// do uploads the picture of a step, and then runs its transaction.
func (s *story) do(step step) error {
	name := ""
	if step.upload != "" {
		file, err := s.store.Upload(s.ctx, step.upload, picture(step.upload))
		if err != nil {
			return err
		}
		defer file.Discard() // deletes it, unless a row has come to name it
		name = file.Name()
	}
	return s.store.InTx(s.ctx, func(tx *Tx) error { return step.do(s.ctx, tx, name) })
}

// rows returns a line for each row, and the files that they name.
func (s *story) rows() (lines, named []string, err error) {
	rows, err := s.store.db.QueryContext(s.ctx, "SELECT id, title, cover, banner FROM article ORDER BY id")
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var a Article
		if err := rows.Scan(&a.ID, &a.Title, &a.Cover, &a.Banner); err != nil {
			return nil, nil, err
		}
		var names []string
		for _, name := range []string{a.Cover, a.Banner} {
			if name != "" {
				names = append(names, name)
			}
		}
		lines = append(lines, fmt.Sprintf("%d %q %s", a.ID, a.Title, strings.Join(names, " ")))
		named = append(named, names...)
	}
	if len(lines) == 0 {
		lines = []string{"none"}
	}
	return lines, named, rows.Err()
}

// disk returns the files in the media directory, sorted.
func (s *story) disk() (names []string, err error) {
	err = fs.WalkDir(os.DirFS(s.media), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, path)
		}
		return err
	})
	return names, err
}

// picture paints a PNG whose color depends on its title.
func picture(title string) *bytes.Buffer {
	h := fnv.New32()
	_, _ = io.WriteString(h, title) // never fails
	sum := h.Sum32()
	img := image.NewPaletted(image.Rect(0, 0, 16, 16), color.Palette{color.RGBA{uint8(sum), uint8(sum >> 8), uint8(sum >> 16), 255}})
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err) // only for impossible sizes
	}
	return &b
}
