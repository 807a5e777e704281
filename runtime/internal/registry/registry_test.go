package registry_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/filecleangen/filecleangen/runtime/internal/registry"
	"github.com/filecleangen/filecleangen/storage"
)

func ref(name string) storage.Ref { return storage.Ref{Name: name} }

func refs(names string) registry.Refs {
	set := registry.Refs{}
	for name := range strings.FieldsSeq(names) {
		set[ref(name)] = struct{}{}
	}
	return set
}

// batch is a journal, as the registry sees it.
type batch struct {
	*registry.Registry
	id       registry.ID
	mentions string
}

func open(r *registry.Registry, mentions string) *batch {
	b := &batch{Registry: r, mentions: mentions}
	b.id = r.Open(func(refs, found registry.Refs) {
		for name := range strings.FieldsSeq(b.mentions) {
			if _, ok := refs[ref(name)]; ok {
				found[ref(name)] = struct{}{}
			}
		}
	})
	return b
}

// meet is Mention for one name.
func (b *batch) meet(name string, names bool) string {
	b.mentions += " " + name
	going, gone := b.Mention(b.id, func(mention func(storage.Ref, bool)) { mention(ref(name), names) })
	switch {
	case len(going) > 0:
		return "going"
	case len(gone) > 0:
		return "gone"
	}
	return ""
}

// plan is Plan, in words.
func (b *batch) plan(names string) (registry.Time, string) {
	planned, conflicts := b.Plan(b.id, refs(names))
	return planned, inWords(conflicts)
}

func inWords(conflicts map[storage.Ref]registry.Conflict) string {
	var all []string
	for r, why := range conflicts {
		all = append(all, r.Name+map[registry.Conflict]string{registry.Mentioned: " mentioned", registry.Unconfirmed: " unconfirmed"}[why])
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func pending(r *registry.Registry) string {
	var all []string
	for ref := range r.Pending() {
		all = append(all, ref.Name)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func gone(int) bool { return true }

func failed(int) bool { return false }

// remove is what a deleter does with what was planned.
func remove(t *testing.T, r *registry.Registry, planned registry.Time, name string, gone func(int) bool) {
	t.Helper()
	all := []storage.Ref{ref(name)}
	if mentioned := r.Start(planned, all); len(mentioned) > 0 {
		t.Fatalf("%s was mentioned", name)
	}
	r.Done(all, gone)
	r.Release(all)
}

func TestPlan(t *testing.T) {
	r := registry.New()
	if r.Used() {
		t.Error("it is used already")
	}
	open(r, "held other")
	b := open(r, "free held doubted")
	unknown := open(r, "doubted")
	r.CloseUnconfirmed(unknown.id, refs("doubted"))
	if _, ok := r.Reserve(ref("upload")); !ok {
		t.Fatal("not reserved")
	}
	if _, got := b.plan("free held doubted upload"); got != "doubted unconfirmed, held mentioned, upload mentioned" {
		t.Error(got)
	}
	// What is in conflict is not entered, and the batch is closed in the same step.
	if got := pending(r); got != "free" || r.Batches() != 1 || !r.Used() {
		t.Errorf("pending: %s, %d batches", got, r.Batches())
	}
	if _, got := open(r, "").plan("free"); got != "" {
		t.Errorf("what two plans want: %s", got)
	}
	r.Release([]storage.Ref{ref("free")})
	if got := pending(r); got != "free" {
		t.Errorf("released once, of two: %s", got)
	}
	r.Release([]storage.Ref{ref("free")})
	if got := pending(r); got != "" || r.Watched() {
		t.Errorf("released: %s", got)
	}
}

// TestBothLetGo: of two batches that let go of a file the second sees the first, and not
// the other way round.
func TestBothLetGo(t *testing.T) {
	r := registry.New()
	one, two := open(r, "p"), open(r, "p")
	if _, got := one.plan("p"); got != "p mentioned" {
		t.Errorf("the first: %s", got)
	}
	if _, got := two.plan("p"); got != "" {
		t.Errorf("the second: %s", got)
	}
}

// TestUnconfirmed: what a batch of unknown outcome may have left in rows is never
// deleted, and what it only let go of is.
func TestUnconfirmed(t *testing.T) {
	r := registry.New()
	b := open(r, "held released")
	r.CloseUnconfirmed(b.id, refs("held"))
	for range 2 {
		b = open(r, "")
		if _, got := b.plan("held released"); got != "held unconfirmed" {
			t.Error(got)
		}
	}
	if _, ok := r.Reserve(ref("held")); ok {
		t.Error("an upload got the name")
	}
}

// TestMention: whoever comes to mention a file that is to be deleted keeps it, as long as
// the storage was not called.
func TestMention(t *testing.T) {
	for name, test := range map[string]struct {
		at   string // when the batch meets the file
		want string
		kept bool
	}{
		"after the plan":         {"planned", "", true},
		"when it is being":       {"started", "going", false},
		"after it was":           {"done", "gone", false},
		"after it failed":        {"failed", "", false},
		"and only lets go of it": {"started, released", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := registry.New()
			b, other := open(r, "p"), open(r, "")
			planned, _ := b.plan("p")
			all := []storage.Ref{ref("p")}
			meet := func() {
				if got := other.meet("p", test.at != "started, released"); got != test.want {
					t.Errorf("got %q", got)
				}
			}
			if !r.Watched() {
				t.Error("nobody would look")
			}
			if test.at == "planned" {
				meet()
			}
			if mentioned := r.Start(planned, all); (len(mentioned) > 0) != test.kept {
				t.Errorf("mentioned: %v", mentioned)
			}
			if test.kept {
				return
			}
			if strings.HasPrefix(test.at, "started") {
				meet()
			}
			end := gone
			if test.at == "failed" {
				end = failed
			}
			r.Done(all, end)
			r.Release(all)
			if test.at == "done" || test.at == "failed" {
				meet()
			}
		})
	}
}

// TestMentionBeforePlan: a mention that was there when the file was planned is for the
// rows, or for Plan, to decide.
func TestMentionBeforePlan(t *testing.T) {
	r := registry.New()
	r.Enter(refs("p")) // somebody else's
	b := open(r, "")
	if got := b.meet("p", true); got != "" {
		t.Error(got)
	}
	r.Close(b.id)
	planned, _ := open(r, "").plan("p")
	if mentioned := r.Start(planned, []storage.Ref{ref("p")}); len(mentioned) > 0 {
		t.Error("it was kept")
	}
}

// TestStartSome: those that were mentioned stay, and the others are started.
func TestStartSome(t *testing.T) {
	r := registry.New()
	other := open(r, "")
	planned, _ := open(r, "").plan("p q")
	other.meet("p", true)
	mentioned := r.Start(planned, []storage.Ref{ref("p"), ref("q")})
	if !maps.Equal(mentioned, refs("p")) {
		t.Errorf("%v", mentioned)
	}
	r.Done([]storage.Ref{ref("q")}, gone)
	r.Release([]storage.Ref{ref("p"), ref("q")})
	if got := other.meet("q", true); got != "gone" {
		t.Errorf("q: %q", got)
	}
	if got := other.meet("p", true); got != "" {
		t.Errorf("p: %q", got)
	}
}

// TestRemovals are remembered for batches that were open then, and forgotten with the
// last of them.
func TestRemovals(t *testing.T) {
	r := registry.New()
	old := open(r, "")
	planned, _ := open(r, "").plan("p")
	remove(t, r, planned, "p", gone)
	between := open(r, "")
	planned, _ = open(r, "").plan("q")
	remove(t, r, planned, "q", gone)
	young := open(r, "")
	for b, want := range map[*batch]string{old: "gone, gone", between: ", gone", young: ", "} {
		if got := b.meet("p", true) + ", " + b.meet("q", true); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	r.Close(old.id)
	if !r.Watched() || between.meet("q", true) != "gone" {
		t.Error("q is forgotten, which a batch may name")
	}
	r.Close(between.id)
	if r.Watched() {
		t.Error("nobody needs to know any more")
	}
	r.Close(young.id)
}

// TestRemovedTwice: the file was made anew, and deleted again.
func TestRemovedTwice(t *testing.T) {
	r := registry.New()
	old := open(r, "")
	planned, _ := open(r, "").plan("p")
	remove(t, r, planned, "p", gone)
	between := open(r, "")
	planned, _ = open(r, "").plan("p")
	remove(t, r, planned, "p", gone)
	r.Close(old.id)
	if got := between.meet("p", true); got != "gone" {
		t.Errorf("%q", got)
	}
}

// TestRemovalOfNobody: without a batch there is nothing to remember.
func TestRemovalOfNobody(t *testing.T) {
	r := registry.New()
	planned := r.Enter(refs("p"))
	remove(t, r, planned, "p", gone)
	if r.Watched() {
		t.Error("it is remembered")
	}
}

// TestHanging: two calls for one file, of which one goes on.
func TestHanging(t *testing.T) {
	r := registry.New()
	all := []storage.Ref{ref("p")}
	planned := r.Enter(refs("p"))
	r.Start(planned, all)
	r.Enter(refs("p"))
	r.Start(planned, all)
	r.Done(all, failed)
	r.Release(all)
	if got := open(r, "").meet("p", true); got != "going" {
		t.Errorf("%q", got)
	}
	r.Done(all, gone)
	r.Release(all)
	if got := open(r, "").meet("p", true); got != "" || pending(r) != "" {
		t.Errorf("%q", got)
	}
}

// TestReserve: no two uploads have one name, nor has one that somebody mentions, or that
// is to be deleted.
func TestReserve(t *testing.T) {
	r := registry.New()
	open(r, "mentioned")
	r.Enter(refs("pending"))
	u, ok := r.Reserve(ref("p"))
	if !ok || u.Ref() != ref("p") || r.Uploads() != 1 {
		t.Fatal("not reserved")
	}
	for _, name := range []string{"p", "mentioned", "pending"} {
		if _, ok := r.Reserve(ref(name)); ok {
			t.Errorf("%s was reserved", name)
		}
	}
	if taken := r.Drop(u); taken || r.Uploads() != 0 {
		t.Error("not dropped")
	}
	again, ok := r.Reserve(ref("p"))
	if !ok {
		t.Error("not free again")
	}
	r.Drop(u) // late
	if r.Uploads() != 1 {
		t.Error("the other was dropped")
	}
	r.Take(ref("p"))
	if taken := r.Drop(again); !taken {
		t.Error("not taken")
	}
	r.Take(ref("nobody's"))
}

// writing returns the uploads that are not complete.
func writing(r *registry.Registry) (names []string) {
	r.Writing(func(ref storage.Ref) { names = append(names, ref.Name) })
	return names
}

func TestComplete(t *testing.T) {
	r := registry.New()
	half, _ := r.Reserve(ref("half"))
	whole, _ := r.Reserve(ref("whole"))
	r.Complete(whole)
	if got := writing(r); slices.Contains(got, "whole") {
		t.Errorf("%v", got)
	}
	r.Drop(half)
	if got := writing(r); len(got) > 0 {
		t.Errorf("%v", got)
	}
}

func TestDiscard(t *testing.T) {
	for name, test := range map[string]struct {
		story func(r *registry.Registry)
		want  registry.Discard
	}{
		"of nobody":    {func(*registry.Registry) {}, registry.Planned},
		"taken":        {func(r *registry.Registry) { r.Take(ref("p")) }, registry.Taken},
		"mentioned":    {func(r *registry.Registry) { open(r, "p") }, registry.Waits},
		"beside":       {func(r *registry.Registry) { open(r, "q") }, registry.Planned},
		"ended":        {func(r *registry.Registry) { r.Close(open(r, "p").id) }, registry.Planned},
		"nobody knows": {func(r *registry.Registry) { r.CloseUnconfirmed(open(r, "p").id, refs("p")) }, registry.Doubted},
		// Waiting would not help.
		"nobody knows, and mentioned": {func(r *registry.Registry) {
			r.CloseUnconfirmed(open(r, "p").id, refs("p"))
			open(r, "p")
		}, registry.Doubted},
	} {
		t.Run(name, func(t *testing.T) {
			r := registry.New()
			u, _ := r.Reserve(ref("p"))
			test.story(r)
			_, got := r.Discard(u)
			if got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
			if is := pending(r) == "p"; is != (got == registry.Planned) {
				t.Errorf("pending: %t", is)
			}
			if left := r.Uploads() > 0; left != (got == registry.Waits) {
				t.Errorf("it is left: %t", left)
			}
		})
	}
}

// TestDiscardLater: what waits is found when a batch has ended, as often as needed, and
// is nobody else's meanwhile.
func TestDiscardLater(t *testing.T) {
	r := registry.New()
	u, _ := r.Reserve(ref("p"))
	if len(r.Discarded()) > 0 {
		t.Error("nobody has discarded it")
	}
	one, two := open(r, "p"), open(r, "p")
	for _, b := range []*batch{one, two} {
		if _, got := r.Discard(u); got != registry.Waits {
			t.Errorf("got %d", got)
		}
		if _, ok := r.Reserve(ref("p")); ok {
			t.Error("another got the name")
		}
		r.Close(b.id)
		if waiting := r.Discarded(); len(waiting) != 1 || waiting[0] != u {
			t.Errorf("%v", waiting)
		}
	}
	planned, got := r.Discard(u)
	if got != registry.Planned || len(r.Discarded()) > 0 {
		t.Errorf("got %d", got)
	}
	if _, got := r.Discard(u); got == registry.Planned {
		t.Error("it was planned twice")
	}
	if other := open(r, ""); other.meet("p", true) != "" {
		t.Error("it can't be named any more")
	}
	if len(r.Start(planned, []storage.Ref{ref("p")})) != 1 {
		t.Error("who names it at the last moment does not keep it")
	}
}

// TestTakenWhileItWaits: the batch for which it waits was committed.
func TestTakenWhileItWaits(t *testing.T) {
	r := registry.New()
	u, _ := r.Reserve(ref("p"))
	b := open(r, "p")
	r.Discard(u)
	r.Take(ref("p"))
	r.Close(b.id)
	if len(r.Discarded()) > 0 {
		t.Error("it is waiting still")
	}
	if _, got := r.Discard(u); got != registry.Taken {
		t.Errorf("got %d", got)
	}
}

// TestDiscardOfAnother: the name was given to another upload since.
func TestDiscardOfAnother(t *testing.T) {
	r := registry.New()
	u, _ := r.Reserve(ref("p"))
	r.Drop(u)
	r.Reserve(ref("p"))
	if _, got := r.Discard(u); got != registry.Taken || r.Uploads() != 1 {
		t.Errorf("got %d, %d uploads", got, r.Uploads())
	}
}

// TestExpire: uploads that nobody ever discarded don't pile up, once their time is over.
func TestExpire(t *testing.T) {
	r := registry.New()
	old, _ := r.Reserve(ref("old"))
	young, _ := r.Reserve(ref("young"))
	r.Reserve(ref("for good"))
	r.Expire(old, time.Now().Add(-time.Second))
	r.Expire(young, time.Now().Add(time.Hour))
	for range 2000 {
		u, _ := r.Reserve(ref("p"))
		r.Drop(u)
	}
	if n := r.Uploads(); n != 2 {
		t.Errorf("%d uploads are left", n)
	}
}
