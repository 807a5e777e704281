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
