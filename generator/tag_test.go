package generator

import (
	"reflect"
	"strconv"
	"strings"
	"testing"
)

func TestParseTag(t *testing.T) {
	for tag, want := range map[string]Tag{
		`file:""`:                                {},
		`file:"media"`:                           {Storage: "media"},
		`json:"x" file:"media" db:"y"`:           {Storage: "media"},
		`file:",default=a.png"`:                  {Defaults: []string{"a.png"}},
		`file:"m,default=a b.png,default=c=d"`:   {Storage: "m", Defaults: []string{"a b.png", "c=d"}},
		`file:"s3.eu-1_x"`:                       {Storage: "s3.eu-1_x"},
		`file:"media,default=\u00fc/\"quoted\""`: {Storage: "media", Defaults: []string{`ü/"quoted"`}},
	} {
		got, ok, err := parseTag(tag)
		if !ok || err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %t, %v", tag, got, ok, err)
		}
	}
	for _, tag := range []string{``, ` `, `json:"x"`, `file:"-"`, `profile:"x"`, `json:"file:x"`, `nonsense`} {
		if _, ok, err := parseTag(tag); ok || err != nil {
			t.Errorf("%q: %t, %v", tag, ok, err)
		}
	}
}

// FuzzParseTag: no tag makes it panic, and what it understands prints back the
// same.
func FuzzParseTag(f *testing.F) {
	for _, seed := range []string{` `, `file:"media"`, `file:",default=a,default=b"`, `json:"x" file:"-"`, `file:"m`, "file:\"\x00\"", `file:"a\"b"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		tag, ok, err := parseTag(raw)
		if !ok || err != nil {
			return
		}
		again, ok, err := parseTag(tagKey + ":" + strconv.Quote(tag.String()))
		if !ok || err != nil || !reflect.DeepEqual(tag, again) {
			t.Errorf("%q: %+v, printed and parsed again: %+v, %t, %v", raw, tag, again, ok, err)
		}
	})
}

func TestNearest(t *testing.T) {
	for word, want := range map[string]string{
		"defailt": `"default"`, "Default": `"default"`, "defaults": `"default"`,
		"": "", "x": "", "keep": "",
	} {
		got := nearest(word, options)
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%q: %q", word, got)
		}
	}
}
