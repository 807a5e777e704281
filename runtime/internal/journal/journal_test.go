package journal_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/runtime/internal/journal"
	"github.com/filecleangen/filecleangen/storage"
)

// record is a source: fields 0 and 1 name files, field 2 has a thumbnail with each.
// Records with the same id are one; "" is nobody that could be told from others.
type record string

func (r record) Owner() (string, bool) { return string(r), r != "" }

func (record) Files(field int, name string, _ journal.Op, f func(ref storage.Ref, derivedFrom string)) {
	f(storage.Ref{Name: name}, "")
	if field == 2 {
		f(storage.Ref{Name: "thumbs/" + name}, name)
	}
}

type log = journal.Journal[string, record]

// says adds a record: "+p" holds p, "-p" releases it, "2-p" does so in field 2.
func says(j *log, r journal.Record[record], words string) {
	j.Begin(r)
	for word := range strings.FieldsSeq(words) {
		var e journal.Entry
		if word[0] == '1' || word[0] == '2' {
			e.Field = uint16(word[0] - '0')
			word = word[1:]
		}
		if e.Name = word[1:]; word[0] == '-' {
			e.Op = journal.Release
		}
		j.Add(e)
	}
}

func sure(id record) journal.Record[record] { return journal.Record[record]{Source: id} }

func unsure(id record) journal.Record[record] {
	return journal.Record[record]{Source: id, Unconfirmed: true}
}

func locked(id record) journal.Record[record] {
	return journal.Record[record]{Source: id, Locked: true}
}

// verdicts says what Replay returns, in words.
func verdicts(j *log) string {
	var all []string
	for _, v := range j.Replay(func(record, int) uint8 { return 0 }) {
		text := v.Ref.Name
		if v.Held {
			text += " held"
		}
		if v.Unsure {
			text += " unsure"
		}
		if !v.Confirmed {
			text += " proposed"
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

func TestReplay(t *testing.T) {
	type line struct {
		journal.Record[record]
		words string
	}
	for name, test := range map[string]struct {
		lines []line
		want  string
	}{
		"nothing":                 {nil, ""},
		"holds alone":             {[]line{{sure("1"), "+p"}, {sure("2"), "+p"}}, ""},
		"a release":               {[]line{{sure("1"), "-p"}}, "p"},
		"in the order of release": {[]line{{sure("1"), "-q -p"}, {sure("2"), "-a -p"}}, "q, p, a"},
		"replaced":                {[]line{{sure("1"), "+n -p"}}, "p"},
		"moved within a record":   {[]line{{sure("1"), "+n 1+p -p 1-q"}}, "q"},
		"unchanged":               {[]line{{locked("1"), "+p 1+r -p 1-r"}}, ""},

		"moved to another":                  {[]line{{sure("1"), "-p"}, {sure("2"), "+p"}}, "p held"},
		"moved from another":                {[]line{{sure("2"), "+p"}, {sure("1"), "-p"}}, "p held"},
		"there and back":                    {[]line{{sure("1"), "+n -p"}, {sure("1"), "+p -n"}}, "p held, n"},
		"held, then let go":                 {[]line{{sure("1"), "+p"}, {sure("1"), "-p"}}, "p"},
		"another's release is none of mine": {[]line{{sure("1"), "+p"}, {sure("2"), "-p"}, {sure("3"), "-p"}}, "p held"},
		"one of two lets go":                {[]line{{sure("1"), "+p"}, {sure("2"), "+p"}, {sure("1"), "-p"}}, "p held"},

		"nobody cancels what nobody holds": {[]line{{sure(""), "+p"}, {sure(""), "-p"}}, "p held"},
		"nobody's record, by itself":       {[]line{{sure(""), "+n -p"}}, "p"},

		"a proposal":                      {[]line{{unsure("1"), "-p"}}, "p proposed"},
		"a proposal, and a release":       {[]line{{unsure("1"), "-p"}, {sure("2"), "-p"}}, "p"},
		"a proposal cancels nothing":      {[]line{{sure("1"), "+p"}, {unsure("1"), "-p"}}, "p held proposed"},
		"held by who is not sure":         {[]line{{unsure("2"), "+p"}, {sure("1"), "-p"}}, "p held unsure"},
		"held by both":                    {[]line{{unsure("2"), "+p"}, {sure("3"), "+p"}, {sure("1"), "-p"}}, "p held"},
		"held by one, first not surely":   {[]line{{unsure("2"), "+p"}, {sure("2"), "+p"}, {sure("1"), "-p"}}, "p held"},
		"held by one, at last not surely": {[]line{{sure("2"), "+p"}, {unsure("2"), "+p"}, {sure("1"), "-p"}}, "p held unsure"},

		"derived files go with theirs":          {[]line{{sure("1"), "2-p"}}, "p, thumbs/p"},
		"derived files of what moved":           {[]line{{sure("1"), "1+p 2-p"}}, "thumbs/p"},
		"derived files are held for themselves": {[]line{{sure("1"), "2-p"}, {sure("2"), "+thumbs/p"}}, "p, thumbs/p held"},
		// Whether p stays is decided first, and the thumbnail with it.
		"derived files are not held by theirs": {[]line{{sure("1"), "2-p"}, {sure("2"), "2+p"}}, "p held, thumbs/p"},
	} {
		t.Run(name, func(t *testing.T) {
			var j log
			for _, l := range test.lines {
				says(&j, l.Record, l.words)
			}
			if got := verdicts(&j); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

// TestVerdict: it is about the first release, and has the flags of all.
func TestVerdict(t *testing.T) {
	var j log
	says(&j, sure("1"), "1-p")
	says(&j, sure("2"), "2-p")
	all := j.Replay(func(_ record, field int) uint8 { return uint8(field) })
	if len(all) != 2 || all[0].Source != "1" || all[0].Field != 1 || all[0].Flags != 3 || all[0].DerivedFrom != "" {
		t.Errorf("%+v", all)
	}
	if all[1].Source != "2" || all[1].DerivedFrom != "p" {
		t.Errorf("%+v", all)
	}
}

func TestConfirm(t *testing.T) {
	var j log
	says(&j, unsure("1"), "-p")
	says(&j, unsure("2"), "-q")
	says(&j, unsure("3"), "-r")
	j.Confirm(1, 2)
	if got := verdicts(&j); got != "p proposed, q, r proposed" {
		t.Error(got)
	}
	j.Confirm(2, 9) // it was cut meanwhile
	if got := verdicts(&j); got != "p proposed, q, r" {
		t.Error(got)
	}
}

func TestCut(t *testing.T) {
	var j log
	says(&j, sure("1"), "+a -b")
	mark := j.Mark()
	for range 3 {
		says(&j, sure("2"), "+c -d")
		says(&j, sure("3"), "-a")
		if j.Records() != 3 || len(j.Last()) != 1 {
			t.Fatalf("%d records, the last has %v", j.Records(), j.Last())
		}
		j.CutRecords(2)
		if got := verdicts(&j); got != "b, d" {
			t.Error(got)
		}
		j.Cut(mark)
		if got := verdicts(&j); got != "b" || j.Records() != 1 {
			t.Error(got)
		}
	}
	j.CutRecords(1) // nothing
	j.Cut(journal.Mark{})
	if j.Records() != 0 || len(j.Last()) != 0 || verdicts(&j) != "" {
		t.Error("something is left")
	}
}

// TestHeld: everything that was ever held may be in a row, as long as nobody knows.
func TestHeld(t *testing.T) {
	var j log
	says(&j, sure("1"), "+p 2+q")
	says(&j, sure("1"), "-p")
	says(&j, unsure("2"), "+r")
	var all []string
	j.Held(func(ref storage.Ref, sure bool) { all = append(all, fmt.Sprint(ref.Name, sure)) })
	if want := []string{"ptrue", "qtrue", "thumbs/qtrue", "rfalse"}; !slices.Equal(all, want) {
		t.Errorf("%v", all)
	}
}

func TestTakes(t *testing.T) {
	for name, test := range map[string]struct {
		record journal.Record[record]
		words  string
		want   string
	}{
		"each once":                              {sure("1"), "+p 1+p +q", "p q"},
		"what stays, too":                        {sure("1"), "+p +q -p", "p q"},
		"but not of a locked row":                {locked("1"), "+p +q -p", "q"},
		"moved in a locked row":                  {locked("1"), "+p 1+q -q 1-p", ""},
		"what is not sure, too":                  {unsure("1"), "+p", "p"},
		"not what is skipped":                    {sure("1"), "+default +p", "p"},
		"derived":                                {sure("1"), "2+p", "p thumbs/p"},
		"derived, of what stays in a locked row": {locked("1"), "2+p 2-p", ""},
		// The derived file is new, but for whom it matters is decided by its file.
		"moved to a field with derived files": {locked("1"), "2+p 1-p", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var j log
			says(&j, test.record, test.words)
			var names []string
			for _, ref := range j.Takes(func(ref storage.Ref) bool { return ref.Name == "default" }) {
				names = append(names, ref.Name)
			}
			if got := strings.Join(names, " "); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestLockedBefore: of each record what it names before counts, and not what another does.
func TestLockedBefore(t *testing.T) {
	var j log
	says(&j, locked("1"), "+p -p")
	says(&j, locked("2"), "+p")
	if refs := j.Takes(func(storage.Ref) bool { return false }); len(refs) != 1 || refs[0].Name != "p" {
		t.Errorf("%v", refs)
	}
}

// TestEach starts where it is told to, and says of each record what it holds first.
func TestEach(t *testing.T) {
	var j log
	says(&j, sure("1"), "+a")
	says(&j, sure("2"), "-b +c")
	var all []string
	j.Each(1, func(m *journal.Mention[record]) {
		all = append(all, fmt.Sprint(m.Record.Source, " ", m.Op, " ", m.Ref.Name))
	})
	if want := []string{"2 0 c", "2 1 b"}; !slices.Equal(all, want) {
		t.Errorf("%q", all)
	}
}
