package outbox_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/conformance/outbox/models"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// The matrix plays the steps of a few processes that have to do with one name, in
// many orders, at every level of isolation. A step that waits for another process is
// left alone, and its process goes on when it can: so no order is impossible. At the
// end everybody is done, nothing is lost, nothing is left, and nobody got an error but
// those that say: begin anew.

// setting is what an order begins with. Row 1 is one of album.
type setting int

const (
	startsEmpty    setting = iota
	startsNamed            // row 1 names the file
	startsPromised         // a row named it, and the promise that it goes is committed
	startsGone             // it is gone, and row 1 names it, which a program wrote that knows of no outbox
)

// writing is what the transaction of a taker does.
type writing string

const (
	doingInserts writing = "inserts"
	doingKeeps   writing = "keeps"  // it writes the row that named the file before
	doingMoves   writing = "moves"  // to another row
	doingCuts    writing = "cuts"   // it is rolled back to a savepoint
	doingUntold  writing = "untold" // the row that it inserts goes again, and nobody tells the batch
	doingRaw     writing = "raw"    // without the outbox
	doingInside  writing = "inside" // it uploads the file itself, between its first read and the write
)

// part is one of those who act, by a letter in an order.
type part byte

const (
	partTaker    part = 'T' // begins and reads; writes and flushes; ends
	partOther    part = 'S' // another taker, in another process
	partReleaser part = 'U' // begins, deletes row 1 and flushes; ends
	partUploader part = 'P' // creates; closes; discards
	partLate     part = 'L' // the time of what waits is over
	partPurger   part = 'G' // the retention is over
	partRelay    part = 'R' // goes on to its next statement that matters
	partSecond   part = 'Q' // a relay that takes over what the first one has
)

// A cast is who acts, and how.
type cast struct {
	name   string
	start  setting
	parts  string // each as often as it has steps
	does   []writing
	memory bool     // the taker has the name from memory, not from row 1 or the upload
	remade bool     // after startsGone: somebody has made the file again
	stride int      // how many stops of relays are one step, at most
	share  int      // how many orders of 100
	always []string // orders that are played in any case, with all that commit
}

var casts = []cast{
	{name: "taken while it is decided", start: startsPromised, parts: "TTTRRRRRRRRR", does: []writing{doingInserts, doingUntold, doingCuts, doingRaw}, memory: true, stride: 1, share: 22, always: slices.Concat(between("T", "TT", 9), between("TT", "T", 9))},
	{name: "let go of while taken", start: startsNamed, parts: "TTTUURRRR", does: []writing{doingInserts, doingKeeps, doingMoves, doingCuts, doingRaw}, stride: 4, share: 22, always: between("TTUU", "T", 4)},
	{name: "purged", start: startsNamed, parts: "TTTUURRRGG", does: []writing{doingInserts, doingKeeps}, stride: 6, share: 8, always: []string{"UURRRGTTTG"}},
	{name: "uploaded", parts: "TTTPPPRRL", does: []writing{doingInserts, doingCuts, doingUntold, doingRaw}, stride: 6, share: 14, always: []string{"PPTTLRRTP"}},
	{name: "uploaded again", start: startsPromised, parts: "TTTPPRRRRR", does: []writing{doingInserts}, stride: 3, share: 8, always: []string{"RRRRRPPTTT"}},
	{name: "two takers", start: startsPromised, parts: "TTTSSSRRR", does: []writing{doingInserts, doingKeeps, doingCuts}, memory: true, stride: 4, share: 6, always: []string{"TTSSRRRTS"}},
	{name: "two takers and a releaser", start: startsNamed, parts: "TTTSSSUURR", does: []writing{doingInserts, doingMoves, doingKeeps}, stride: 6, share: 6, always: []string{"TTSSUURRTS"}},
	{name: "tombstone let go of", start: startsGone, parts: "TTTUURRR", does: []writing{doingInserts}, memory: true, stride: 4, share: 5, always: between("TUU", "TT", 3)},
	{name: "made again and let go of", start: startsGone, parts: "TTTUURRR", does: []writing{doingInserts}, memory: true, remade: true, stride: 4, share: 4, always: []string{"UURRRTTT"}},
	{name: "taken over", start: startsPromised, parts: "TTTRRRRRRQQPP", does: []writing{doingInserts}, memory: true, stride: 2, share: 2, always: []string{"RRRRQQPPRRTTT"}},
	{name: "uploaded inside", parts: "TTTRRL", does: []writing{doingInside}, stride: 4, share: 3, always: []string{"TTTRRL"}},
}

var levels = map[references.Dialect][]sql.IsolationLevel{
	references.SQLite:     {sql.LevelDefault},
	references.PostgreSQL: {sql.LevelReadCommitted, sql.LevelRepeatableRead, sql.LevelSerializable},
	references.MySQL:      {sql.LevelReadUncommitted, sql.LevelReadCommitted, sql.LevelRepeatableRead, sql.LevelSerializable},
}

func TestMatrix(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		var all sync.WaitGroup
		for _, level := range levels[d] { // all at once: they wait for the disk, and for each other's locks
			all.Go(func() { t.Run(level.String(), func(t *testing.T) { playMatrix(t, d, level) }) })
		}
		all.Wait()
	})
}

func playMatrix(t *testing.T, d references.Dialect, level sql.IsolationLevel) {
	t.Helper()
	s := newStage(t, d, level)
	random := rand.New(rand.NewPCG(uint64(level), 11))
	times := 20
	if d == references.MySQL { // which takes longest to say what columns there are
		times = 10
	}
	for n := range times * programs(t, 12) {
		newOrder(s, random, n).play()
		if t.Failed() {
			return
		}
	}
	if s.committed == 0 || s.refused == 0 {
		t.Errorf("%d takers committed, %d were refused: the orders test nothing", s.committed, s.refused)
	}
	t.Logf("%d takers committed, %d were refused", s.committed, s.refused)
}

// stage is a world for many orders, and the processes that share it.
type stage struct {
	*world
	level   sql.IsolationLevel
	takes   [2]*world // of the takers
	lets    *world    // of the releaser
	uploads *world
	relays  [2]*gate

	order              *order // that is being played
	committed, refused int
}

func newStage(t *testing.T, d references.Dialect, level sql.IsolationLevel) *stage {
	t.Helper()
	w := newWorld(t, d, settings{})
	s := &stage{world: w, level: level, lets: w.another(), uploads: w.another()}
	dsn := w.dsn
	w.dsn = strings.Replace(dsn, "_txlock=immediate", "_txlock=deferred", 1) // a taker reads, and writes later
	s.takes = [2]*world{w.another(), w.another()}
	w.dsn = dsn
	for i := range s.relays {
		s.relays[i] = s.newGate()
	}
	return s
}

// gate is a relay that stops before each statement that matters, and each removal.
type gate struct {
	*world
	stage   *stage
	armed   atomic.Bool
	running atomic.Bool
	wrote   bool // the transaction that is open
	paused  chan struct{}
	goOn    chan struct{}
	ended   chan error
}

func (s *stage) newGate() *gate {
	s.t.Helper()
	g := &gate{stage: s, paused: make(chan struct{}), goOn: make(chan struct{}), ended: make(chan error)}
	g.world = &world{t: s.t, d: s.d, root: s.root, dsn: s.dsn}
	g.openFiles()
	s.must(g.own.Close())
	g.own = g.tapped(g.on)
	g.open(settings{wrap: func(fs afero.Fs) afero.Fs { return &pointFs{fs, func() { g.on("REMOVE") }} }})
	g.makeRelay(settings{})
	return g
}

func (g *gate) on(query string) *fault {
	if !g.armed.Load() || !g.matters(query) {
		return nil
	}
	g.paused <- struct{}{}
	<-g.goOn
	if strings.Contains(query, "album") {
		g.stage.order.asked.Store(true)
	}
	return nil
}

// matters reports whether a relay is to stop before a statement. On SQLite it does not
// while it can write: all others would wait.
func (g *gate) matters(query string) bool {
	verb, _, _ := strings.Cut(query, " ")
	switch verb {
	case "REMOVE":
		return true
	case "SELECT", "WITH":
		return strings.Contains(query, "album") && strings.Contains(query, "cover") ||
			strings.Contains(query, "filecleangen_outbox") && (strings.Contains(query, "LIMIT") || strings.Contains(query, "claim = ")) && (g.d != references.SQLite || !g.wrote)
	case "INSERT", "UPDATE", "DELETE":
		g.wrote = true
		return g.d != references.SQLite
	case "BEGIN":
		g.wrote = query == "BEGIN IMMEDIATE"
		return g.wrote
	case "COMMIT":
		was := g.wrote
		g.wrote = false
		return was && g.d != references.SQLite
	}
	return false
}

// steps lets the relay go on for some stops, or to its end.
func (g *gate) steps(n int) error {
	for i := range n {
		if i > 0 && !g.running.Load() {
			break
		}
		if err := g.step(); err != nil {
			return err
		}
	}
	return nil
}

// step lets the relay go on to its next stop, or begin.
func (g *gate) step() error {
	if g.running.Load() {
		g.goOn <- struct{}{}
	} else {
		g.running.Store(true)
		g.armed.Store(true)
		go func() {
			_, err := g.relay.Drain(context.Background())
			g.ended <- err
		}()
	}
	return g.wait()
}

func (g *gate) wait() error {
	select {
	case <-g.paused:
		return nil
	case err := <-g.ended:
		g.running.Store(false)
		return err
	}
}

// finish lets the relay go on to its end.
func (g *gate) finish() (err error) {
	g.armed.Store(false)
	for g.running.Load() && err == nil {
		g.goOn <- struct{}{}
		err = g.wait()
	}
	return err
}

// order is one order of steps.
type order struct {
	*stage
	cast
	steps  string
	pace   int          // how many stops of relays are one step
	file   string       // the name that it is all about
	id     int64        // of rows that takers insert
	active atomic.Int64 // transactions that are open
	asked  atomic.Bool  // a relay has asked the rows, or is about to
	purges atomic.Int64
	takers [2]*takes
	lets   *lets
	up     *uploads
	actors map[part]*actor
	errs   chan error
}

func newOrder(s *stage, random *rand.Rand, n int) *order {
	o := &order{stage: s, file: fmt.Sprintf("f%d", n), id: 10, errs: make(chan error, 100), actors: map[part]*actor{}}
	always := false
	for _, c := range casts {
		if !always && n < len(c.always) {
			always = true
			o.cast, o.steps, o.pace = c, c.always[n], c.stride
		}
		n -= len(c.always)
	}
	if !always {
		o.cast = pick(random)
		letters := []byte(o.parts)
		random.Shuffle(len(letters), func(i, j int) { letters[i], letters[j] = letters[j], letters[i] })
		o.steps, o.pace = string(letters), 1+random.IntN(o.stride)
	}
	one := func(n int) int { // of n choices; the first, in orders that are always played
		if always {
			return 0
		}
		return random.IntN(n)
	}
	for i := range o.takers {
		o.takers[i] = &takes{order: o, world: s.takes[i], id: o.id + int64(i), does: o.does[one(len(o.does))], ends: one(4) < 3}
	}
	o.lets = &lets{order: o, world: s.lets, ends: one(4) < 3}
	o.up = &uploads{order: o, world: s.uploads, discards: one(2) > 0}
	if one(3) > 1 { // they are one process
		o.up.world = s.takes[0]
	}
	return o
}

// between returns the orders in which something comes after each number of steps of a
// relay.
func between(before, after string, steps int) (orders []string) {
	for n := range steps + 1 {
		orders = append(orders, before+strings.Repeat("R", n)+after+strings.Repeat("R", steps-n))
	}
	return orders
}

func pick(random *rand.Rand) cast {
	n := random.IntN(100)
	for _, c := range casts {
		if n -= c.share; n < 0 {
			return c
		}
	}
	panic("the shares of casts are not 100")
}

func (o *order) String() string {
	return fmt.Sprintf("%s: %s, relays %d at once, %s; T %s, commits %t; S %s, commits %t; U commits %t; P discards %t",
		o.name, o.steps, o.pace, o.file, o.takers[0].does, o.takers[0].ends, o.takers[1].does, o.takers[1].ends, o.lets.ends, o.up.discards)
}

// blocks is how long a step may take before others go on. It is no condition of the
// test: what was only slow is played in another order.
const blocks = 50 * time.Millisecond

func (o *order) play() {
	o.t.Helper()
	o.order = o
	o.prepare()
	acts := map[part]func(int) error{
		partTaker: o.takers[0].step, partOther: o.takers[1].step, partReleaser: o.lets.step, partUploader: o.up.step,
		partLate: o.late, partPurger: o.purge,
		partRelay:  func(int) error { return o.relays[0].steps(o.pace) },
		partSecond: o.takeOver,
	}
	for i := range len(o.steps) {
		p := part(o.steps[i])
		a := o.actors[p]
		if a == nil {
			a = newActor(acts[p], o.errs)
			o.actors[p] = a
		}
		a.next()
	}
	o.end()
	o.check()
}

// end has everybody finish what they have begun.
func (o *order) end() {
	o.t.Helper()
	var all sync.WaitGroup
	for p, a := range o.actors {
		all.Go(func() {
			a.end()
			switch p {
			case partRelay:
				o.told(o.relays[0].finish())
			case partSecond:
				o.told(o.relays[1].finish())
			default:
			}
		})
	}
	done := make(chan struct{})
	go func() {
		all.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		o.t.Fatalf("%v: somebody waits for ever", o)
	}
}

func (o *order) told(err error) {
	if err != nil {
		o.errs <- err
	}
}

// actor does the steps of a part, one after the other.
type actor struct {
	steps   chan chan struct{}
	waiting atomic.Int64
	over    chan struct{}
}

func newActor(step func(int) error, errs chan<- error) *actor {
	a := &actor{steps: make(chan chan struct{}, 20), over: make(chan struct{})}
	go func() {
		defer close(a.over)
		n := 0
		for done := range a.steps {
			if err := step(n); err != nil {
				errs <- err
			}
			n++
			a.waiting.Add(-1)
			close(done)
		}
	}()
	return a
}

// next has the actor do its next step, and returns when that is done, or blocks.
func (a *actor) next() {
	done := make(chan struct{})
	blocked := a.waiting.Add(1) > 1
	a.steps <- done
	if blocked {
		return
	}
	select {
	case <-done:
	case <-time.After(blocks):
	}
}

func (a *actor) end() {
	close(a.steps)
	<-a.over
}

// prepare makes what the order begins with.
func (o *order) prepare() {
	o.t.Helper()
	if o.start == startsEmpty {
		return
	}
	o.write(o.file)
	row := &models.Album{ID: 1, Cover: o.file}
	o.commit(func(tx *transaction) { tx.insert(row) })
	if o.start == startsNamed {
		return
	}
	o.commit(func(tx *transaction) { tx.remove(row) })
	if o.start == startsPromised {
		return
	}
	o.drain()
	o.exec("INSERT INTO album (id, title, cover) VALUES (1, '', '" + o.file + "')")
	if o.remade {
		o.write(o.file)
	}
}

// late makes rows due that wait for their time.
func (o *order) late(int) error {
	_, err := o.db.ExecContext(context.Background(), "UPDATE filecleangen_outbox SET not_before = 0 WHERE state <> 'gone'")
	o.up.late.Store(true)
	return refusals(err)
}

// purge has tombstones forgotten, unless a transaction is open: their retention is
// longer than any of these.
func (o *order) purge(int) error {
	if o.active.Load() > 0 || o.relays[0].running.Load() {
		return nil
	}
	ctx := context.Background()
	if _, err := o.db.ExecContext(ctx, "UPDATE filecleangen_outbox SET gone_at = 0 WHERE state = 'gone'"); err != nil {
		return refusals(err)
	}
	o.purges.Add(1)
	r, err := o.box.Relay(ctx, environment, outbox.WithRelayLogger(o.logs.Logger()))
	if err == nil {
		_, err = r.Drain(ctx)
	}
	return err
}

// takeOver has another relay take what the first one is about to delete.
func (o *order) takeOver(n int) error {
	if n == 0 {
		_, err := o.db.ExecContext(context.Background(), "UPDATE filecleangen_outbox SET not_before = 0 WHERE state = 'deleting'")
		return refusals(err)
	}
	return o.relays[1].steps(8)
}

// refusals returns an error unless it says that others were in the way.
func refusals(err error) error {
	if errors.Is(err, runtime.ErrGone) || refused(err) {
		return nil
	}
	return err
}

// refused is databases.Refused, also for what SQLite says of a snapshot that is old.
func refused(err error) bool {
	return databases.Refused(err) || err != nil && strings.Contains(err.Error(), "database is locked")
}

// takes is a transaction that comes to name the file.
type takes struct {
	*order
	*world
	id   int64
	does writing
	ends bool // by a commit

	tx        *transaction
	read      string          // what the first read said that row 1 names
	name      string          // what it names
	inside    *runtime.Upload // that it has made itself, or nil
	refused   error
	committed bool
	safe      bool // without the outbox: nobody had asked when it was committed
}

func (k *takes) step(n int) (err error) {
	if n > 0 && k.tx == nil { // it was refused
		return nil
	}
	switch n {
	case 0:
		err = k.begin()
	case 1:
		if err = k.writes(); err == nil && k.does != doingRaw {
			err = k.flush()
		}
	case 2:
		err = k.end()
	}
	if err != nil {
		k.refused = err
		k.giveUp()
	}
	if k.tx == nil && k.inside != nil {
		k.inside.Discard()
	}
	return k.unexpected(err)
}

// unexpected is refusals, also for an upload of which its own process knows that it is
// not closed.
func (k *takes) unexpected(err error) error {
	if k.does == doingInside || !errors.Is(err, runtime.ErrUpload) {
		return refusals(err)
	}
	return nil
}

func (k *takes) giveUp() {
	if k.tx != nil {
		_ = k.tx.Rollback()
		k.tx.b.Rollback()
		k.tx = nil
		k.active.Add(-1)
	}
}

func (k *takes) begin() error {
	ctx := context.Background()
	b := k.clean.Begin()
	k.active.Add(1)
	tx, err := k.db.BeginTx(ctx, &sql.TxOptions{Isolation: k.level})
	if err != nil {
		b.Rollback()
		k.active.Add(-1)
		return err
	}
	k.tx = &transaction{Tx: tx, b: b, w: k.world}
	err = tx.QueryRowContext(ctx, "SELECT cover FROM album WHERE id = 1").Scan(&k.read)
	if errors.Is(err, sql.ErrNoRows) {
		k.read, err = "", nil
	}
	return err
}

// find finds out what to name; nothing, if there is nothing.
func (k *takes) find() error {
	up := k.up.made.Load()
	switch {
	case k.does == doingInside:
		up, err := k.box.Create(context.Background(), "media", k.file)
		if err != nil {
			return err
		}
		k.inside, k.name = up, up.Name()
		return up.Close()
	case k.memory:
		k.name = k.file
	case strings.Contains(k.parts, string(partUploader)):
		if k.name = ""; up != nil {
			k.name = up.Name()
		}
	default:
		k.name = k.read
	}
	return nil
}

const insertAlbum = "INSERT INTO album (title, cover, banner, pages, photos, id) VALUES (?, ?, ?, ?, ?, ?)"

func (k *takes) writes() error {
	ctx := context.Background()
	if err := k.find(); err != nil || k.name == "" {
		return err
	}
	row := &models.Album{ID: k.id, Cover: k.name}
	insert := func() error { return k.tx.try(row.AfterCreate, insertAlbum, append(columns(k.d, row), row.ID)...) }
	first := &models.Album{ID: 1, Cover: k.name}
	switch k.does {
	case doingKeeps:
		return k.tx.try(func(b *runtime.Batch) { first.BeforeUpdate(b, first.FileSnapshot()) }, "UPDATE album SET title = ? WHERE id = 1", k.steps)
	case doingMoves:
		err := k.tx.try(func(b *runtime.Batch) { first.AfterDelete(b, first.FileSnapshot()) }, "DELETE FROM album WHERE id = 1")
		if err != nil {
			return err
		}
	case doingCuts:
		return k.cut(ctx, insert)
	case doingUntold:
		err := insert()
		if err == nil {
			_, err = k.tx.ExecContext(ctx, k.q("DELETE FROM album WHERE id = ?"), k.id)
		}
		return err
	case doingRaw:
		_, err := k.tx.ExecContext(ctx, k.q("INSERT INTO album (id, title, cover) VALUES (?, '', ?)"), k.id, k.name)
		return err
	case doingInserts, doingInside:
	}
	return insert()
}

func (k *takes) cut(ctx context.Context, insert func() error) error {
	if _, err := k.tx.ExecContext(ctx, "SAVEPOINT s"); err != nil {
		return err
	}
	s := k.tx.b.Savepoint()
	if err := insert(); err != nil {
		return err
	}
	if _, err := k.tx.ExecContext(ctx, "ROLLBACK TO SAVEPOINT s"); err != nil {
		return err
	}
	return k.tx.b.RollbackTo(s)
}

func (k *takes) flush() error {
	closed := k.up.closed.Load()
	_, err := k.box.Flush(context.Background(), k.tx.b, k.tx)
	if up := k.up.made.Load(); err == nil && !closed && up != nil && k.name == up.Name() && k.does != doingCuts && !k.up.closed.Load() {
		k.errs <- fmt.Errorf("a transaction took %s, which was being written", k.name)
	}
	return err
}

func (k *takes) end() error {
	if !k.ends {
		k.giveUp()
		return nil
	}
	_, missing := k.dir.Stat(k.name)
	if err := k.tx.Commit(); err != nil {
		return err
	}
	k.safe = !k.asked.Load() && missing == nil
	k.committed = true
	k.active.Add(-1)
	k.box.Nudge()
	if k.does == doingRaw {
		k.tx.b.Rollback()
	}
	k.tx = nil
	return nil
}

// lets is a transaction that lets go of the file.
type lets struct {
	*order
	*world
	ends bool // by a commit
	tx   *transaction
	over bool
}

func (l *lets) step(n int) (err error) {
	switch {
	case l.over:
		return nil
	case n == 0:
		err = l.begin()
	default:
		err = l.end()
	}
	if err != nil {
		l.giveUp()
	}
	return refusals(err)
}

func (l *lets) giveUp() {
	if l.over = true; l.tx != nil {
		_ = l.tx.Rollback()
		l.tx.b.Rollback()
		l.active.Add(-1)
	}
}

func (l *lets) begin() error {
	ctx := context.Background()
	b := l.clean.Begin()
	tx, err := l.db.BeginTx(ctx, &sql.TxOptions{Isolation: l.level})
	if err != nil {
		b.Rollback()
		return err
	}
	l.active.Add(1)
	l.tx = &transaction{Tx: tx, b: b, w: l.world}
	row := &models.Album{ID: 1, Cover: l.file}
	err = l.tx.try(func(b *runtime.Batch) { row.AfterDelete(b, row.FileSnapshot()) }, "DELETE FROM album WHERE id = 1")
	if err == nil {
		_, err = l.box.Flush(ctx, b, tx)
	}
	return err
}

func (l *lets) end() error {
	if !l.ends {
		l.giveUp()
		return nil
	}
	if err := l.tx.Commit(); err != nil {
		return err
	}
	l.over = true
	l.active.Add(-1)
	return nil
}

// uploads is who uploads a file that wants the name.
type uploads struct {
	*order
	*world
	discards bool
	late     atomic.Bool // its time may be over
	made     atomic.Pointer[runtime.Upload]
	closed   atomic.Bool // or it is being closed
	complete bool
	gone     bool // it was discarded
}

func (u *uploads) step(n int) error {
	up := u.made.Load()
	switch {
	case n == 0:
		return u.create()
	case up == nil:
		return nil
	case n == 1:
		u.closed.Store(true)
		err := up.Close()
		u.complete = err == nil
		return refusals(err)
	case u.discards:
		u.gone = true
		up.Discard()
	}
	return nil
}

func (u *uploads) create() error {
	ctx := context.Background()
	purges, state := u.purges.Load(), ""
	err := u.db.QueryRowContext(ctx, u.q("SELECT state FROM filecleangen_outbox WHERE name = ?"), u.file).Scan(&state)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return refusals(err)
	}
	up, err := u.box.Create(ctx, "media", u.file)
	if err != nil {
		return refusals(err)
	}
	if up.Name() == u.file && state == "gone" && u.purges.Load() == purges {
		u.errs <- errors.New("an upload got the name of a tombstone")
	}
	_, err = up.Write([]byte("x"))
	u.made.Store(up)
	return err
}

// live reports whether nothing is in the way of who comes to name the upload.
func (u *uploads) live() bool { return u.made.Load() != nil && u.complete && !u.gone && !u.late.Load() }

// check has those try again who were refused, and compares files with rows.
func (o *order) check() {
	o.t.Helper()
	for _, k := range o.takers {
		if k.committed {
			o.committed++
		}
		if k.refused != nil {
			o.refused++
			o.again(k)
		}
	}
	if up := o.up.made.Load(); up != nil {
		up.Discard()
	}
	o.exec("UPDATE filecleangen_outbox SET not_before = 0 WHERE state <> 'gone'")
	o.drain()
	o.compare()
	close(o.errs)
	for err := range o.errs {
		o.t.Errorf("%v: %v", o, err)
	}
	o.exec("DELETE FROM album")
	o.exec("DELETE FROM filecleangen_outbox")
}

// again runs a transaction that was refused once more, from its beginning. Where an
// upload was made before, or the file is named, it succeeds.
func (o *order) again(k *takes) {
	o.t.Helper()
	if k.does == doingInside {
		o.againInside(k)
		return
	}
	if !k.ends || k.does == doingRaw {
		return
	}
	sure := !k.memory && o.start == startsNamed
	if strings.Contains(o.parts, string(partUploader)) && !k.memory {
		sure = o.up.live()
	}
	first := k.refused
	k.refused = nil
	for n := range 3 {
		o.told(k.step(n))
	}
	if k.refused != nil && (sure || !errors.Is(k.refused, runtime.ErrGone) && !errors.Is(k.refused, runtime.ErrUpload)) {
		o.t.Errorf("%v: refused (%v), and again: %v", o, first, k.refused)
	}
}

// againInside is for those who upload when their snapshot is made: where snapshots last
// for the transaction, PostgreSQL refuses that each time, and the error says what to
// do.
func (o *order) againInside(k *takes) {
	o.t.Helper()
	for range 2 {
		tooLate := o.up.late.Load() && errors.Is(k.refused, runtime.ErrGone)
		if o.d == references.PostgreSQL && o.level != sql.LevelReadCommitted && !tooLate {
			if !refused(k.refused) || !strings.Contains(k.refused.Error(), "create uploads before it begins") {
				o.t.Errorf("%v: %v", o, k.refused)
			}
		} else if !o.up.late.Load() && o.d != references.SQLite {
			o.t.Errorf("%v: %v", o, k.refused)
		}
		k.refused = nil
		for n := range 3 {
			o.told(k.step(n))
		}
		if k.refused == nil {
			return
		}
	}
}

func (o *order) compare() {
	o.t.Helper()
	rows, err := albums(o.t.Context(), o.d, o.db, "")
	o.must(err)
	used := map[string]bool{}
	for _, a := range rows {
		used[a.Cover] = true
		if _, err := o.dir.Stat(a.Cover); err != nil && !o.excused(a) {
			o.t.Errorf("%v: LOST: row %d names %s", o, a.ID, a.Cover)
		}
	}
	o.must(filepath.WalkDir(o.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == outbox.MarkerName {
			return err
		}
		if !used[d.Name()] {
			o.t.Errorf("%v: left behind: %s", o, d.Name())
		}
		return os.Remove(path)
	}))
	var left int
	o.must(o.db.QueryRowContext(o.t.Context(), "SELECT count(*) FROM filecleangen_outbox WHERE state <> 'gone'").Scan(&left))
	if left > 0 {
		o.t.Errorf("%v: %d rows of the outbox are left", o, left)
	}
}

// excused reports whether a row may name a file that is not there: one that was
// written without the outbox when a relay had asked.
func (o *order) excused(a *models.Album) bool {
	if a.ID == 1 {
		return o.start == startsGone
	}
	k := o.takers[a.ID-o.id]
	return k.does == doingRaw && !k.safe
}
