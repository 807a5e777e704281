package generator

import (
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/generator/internal/diag"
)

func TestParseTag(t *testing.T) {
	for tag, want := range map[string]Tag{
		`file:""`:                              {},
		`file:"media"`:                         {Storage: "media"},
		`json:"x" file:"media" db:"y"`:         {Storage: "media"},
		`file:",default=a.png"`:                {Defaults: []string{"a.png"}},
		`file:"m,default=a b.png,default=c=d"`: {Storage: "m", Defaults: []string{"a b.png", "c=d"}},
		`file:"m,prune,derived=t/{dir}/{stem}.x,derived={name}.y,column=c d"`: {Storage: "m", Prune: true, Derived: []string{"t/{dir}/{stem}.x", "{name}.y"}, Column: "c d"},
		`file:"m,default='a,b''c',derived='{stem},x',prune,default=''''"`:     {Storage: "m", Prune: true, Defaults: []string{"a,b'c", "'"}, Derived: []string{"{stem},x"}},
		`file:"m,default=/a/b.png,default=https://x.example/y.png"`:           {Storage: "m", Defaults: []string{"/a/b.png", "https://x.example/y.png"}},
		`file:"m,default=it's"`:                  {Storage: "m", Defaults: []string{"it's"}},
		`file:",keep"`:                           {Keep: true},
		`file:"s3.eu-1_x"`:                       {Storage: "s3.eu-1_x"},
		`file:"media,default=\u00fc/\"quoted\""`: {Storage: "media", Defaults: []string{`ü/"quoted"`}},
	} {
		got, kind, err := parseTag(tag)
		if kind != tagged || err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %d, %v", tag, got, kind, err)
		}
	}
	for _, tag := range []string{``, ` `, `json:"x"`, `file:"-"`, `profile:"x"`, `json:"file:x"`, `nonsense`} {
		if _, kind, err := parseTag(tag); kind == tagged || err != nil {
			t.Errorf("%q: %d, %v", tag, kind, err)
		}
	}
}

// FuzzParseTag: no tag makes it panic, and what it understands prints back the
// same.
func FuzzParseTag(f *testing.F) {
	for _, seed := range []string{` `, `file:"media"`, `file:",default=a,default=b"`, `json:"x" file:"-"`, `file:"m`, "file:\"\x00\"", `file:"a\"b"`, `file:"m,keep,column=c"`, `file:",prune,derived={dir}/{stem}{ext}.x"`, `file:"m,default='a,b''',keep"`, `flie:"m"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		tag, kind, err := parseTag(raw)
		if kind != tagged || err != nil {
			return
		}
		again, kind, err := parseTag(tagKey + ":" + strconv.Quote(tag.String()))
		if kind != tagged || err != nil || !reflect.DeepEqual(tag, again) {
			t.Errorf("%q: %+v, printed and parsed again: %+v, %d, %v", raw, tag, again, kind, err)
		}
	})
}

func TestNearest(t *testing.T) {
	for word, want := range map[string]string{
		"defailt": `"default"`, "Default": `"default"`, "defaults": `"default"`,
		"": "", "x": "", "kepe": `"keep"`, "derive": `"derived"`,
	} {
		got := diag.Nearest(word, options)
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%q: %q", word, got)
		}
	}
}
