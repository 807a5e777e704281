package outbox

import (
	"testing"
	"time"
)

// A clock that steps forward makes tombstones stay for that much longer; one that goes
// as it should, or steps back, does not.
func TestClockSteps(t *testing.T) {
	for name, c := range map[string]struct {
		clock, passed, hold time.Duration
	}{
		"as it should":      {time.Hour, time.Hour, 0},
		"a little fast":     {time.Hour + 30*time.Second, time.Hour, 0},
		"a step":            {26 * time.Hour, time.Hour, 25 * time.Hour},
		"back":              {-time.Hour, time.Hour, 0},
		"a machine's sleep": {8 * time.Hour, time.Minute, 8*time.Hour - time.Minute},
	} {
		p := purge{clock: 1_000_000, seen: time.Now().Add(-c.passed)}
		step := p.look(1_000_000+c.clock.Milliseconds(), 24*time.Hour)
		if diff := step - c.hold; diff < -time.Second || diff > time.Second || p.hold != step {
			t.Errorf("%s: a step of %v, held for %v; want %v", name, step, p.hold, c.hold)
		}
	}
	var p purge
	if step := p.look(time.Now().UnixMilli(), time.Hour); step != 0 {
		t.Errorf("the first look found a step of %v", step)
	}
}

// What a clock has stepped by is held for twice the retention: after that no tombstone is
// left that was made before the step.
func TestHoldEnds(t *testing.T) {
	const retention = time.Hour
	p := purge{clock: 1_000_000, seen: time.Now()}
	p.look(1_000_000+(2*time.Hour).Milliseconds(), retention)
	if wait := time.Until(p.until); p.hold < 2*time.Hour-time.Second || wait > 2*retention || wait < 2*retention-time.Minute {
		t.Errorf("held for %v, until in %v", p.hold, wait)
	}
	p.look(p.clock, retention)
	if p.hold == 0 {
		t.Error("the hold was forgotten before its time")
	}
	p.until = time.Now().Add(-time.Second)
	p.look(p.clock, retention)
	if p.hold != 0 {
		t.Errorf("held for %v after its time", p.hold)
	}
}

// The margin for clocks of other servers is small beside a short retention, and never
// more than an hour.
func TestRetentionMargin(t *testing.T) {
	for retention, want := range map[time.Duration]time.Duration{
		24 * time.Second:    time.Second,
		24 * time.Hour:      time.Hour,
		30 * 24 * time.Hour: time.Hour,
	} {
		if got := retentionMargin(retention); got != want {
			t.Errorf("%v: %v, want %v", retention, got, want)
		}
	}
}
