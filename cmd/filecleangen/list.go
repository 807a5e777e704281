package main

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/filecleangen/filecleangen/generator"
)

// listedType is a struct with file fields, as -list -json prints it. Names stay
// what they are; new ones may be added.
type listedType struct {
	Package string        `json:"package"` // its name
	Dir     string        `json:"dir"`     // relative to the working directory, with slashes
	Type    string        `json:"type"`
	Pos     string        `json:"pos"` // file:line:col
	Key     []string      `json:"key"` // the fields of the primary key; empty: not recognised
	Fields  []listedField `json:"fields"`
}

type listedField struct {
	Path     string   `json:"path"`     // the selector from the record, with [] for each list or map on the way
	Snapshot string   `json:"snapshot"` // the field of the snapshot
	GoType   string   `json:"goType"`
	Shape    string   `json:"shape"` // "single" or "list"
	Storage  string   `json:"storage"`
	Column   string   `json:"column"`             // of the database
	From     string   `json:"columnFrom"`         // what names it: "file" (the option), "db" or another key of the tag, or "guessed"
	JSONKey  string   `json:"jsonKey,omitempty"`  // the key in the document that the column has
	HoldOnly bool     `json:"holdOnly,omitempty"` // nothing tells whether it is stored in the row
	Defaults []string `json:"defaults,omitempty"`
	Derived  []string `json:"derived,omitempty"`
	Prune    bool     `json:"prune,omitempty"`
	Keep     bool     `json:"keep,omitempty"`
	Pos      string   `json:"pos"`
	options  []string
}

// list prints every struct and file field, as a table or as JSON.
func list(packages []*generator.Package, asJSON bool, stdout, stderr io.Writer) int {
	types := []listedType{}
	for _, p := range packages {
		for _, s := range p.Structs {
			types = append(types, listed(p, s))
		}
	}
	var err error
	if asJSON {
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		err = e.Encode(types)
	} else {
		err = table(types, stdout)
	}
	if err != nil {
		report(stderr, err)
		return wrongInput
	}
	return done
}

func listed(p *generator.Package, s generator.Struct) listedType {
	t := listedType{Package: p.Name, Dir: filepath.ToSlash(relative(p.Dir)), Type: s.Name, Key: []string{}}
	s.Pos.Filename = filepath.ToSlash(relative(s.Pos.Filename))
	t.Pos = s.Pos.String()
	for _, part := range s.Key.Parts {
		t.Key = append(t.Key, part.Path)
	}
	for _, f := range s.Fields {
		f.Pos.Filename = filepath.ToSlash(relative(f.Pos.Filename))
		shape := "single"
		if f.Shape.Many() {
			shape = "list"
		}
		t.Fields = append(t.Fields, listedField{
			Path: f.Path, Snapshot: f.Snapshot, GoType: f.Type, Shape: shape, Storage: f.Tag.Storage,
			Column: f.Column, From: f.ColumnFrom, JSONKey: f.JSONKey, HoldOnly: f.HoldOnly,
			Defaults: f.Tag.Defaults, Derived: f.Tag.Derived, Prune: f.Tag.Prune, Keep: f.Tag.Keep, Pos: f.Pos.String(),
			options: options(f),
		})
	}
	return t
}

// options prints the options of a field's tag, and what else there is to say of it.
func options(f generator.Field) []string {
	list := slices.DeleteFunc(f.Tag.Options(), func(o string) bool { return strings.HasPrefix(o, "column=") })
	if f.HoldOnly {
		list = append(list, "(held only)")
	}
	return list
}

// table prints one line for each file field.
func table(types []listedType, to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TYPE\tKEY\tFIELD\tGO TYPE\tSHAPE\tSTORAGE\tCOLUMN\tOPTIONS")
	for _, t := range types {
		for _, f := range t.Fields {
			fmt.Fprintf(w, "%s.%s\t%s\t%s\t%s\t%s\t%s\t%s (%s)\t%s\n", t.Package, t.Type, orDash(strings.Join(t.Key, "+")),
				f.Path, f.GoType, f.Shape, orDash(f.Storage), f.Column, f.From, orDash(strings.Join(f.options, " ")))
		}
	}
	return w.Flush()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
