package outbox

import (
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	for failures, most := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 100: time.Minute} {
		for range 1000 {
			if d := backoff(failures, time.Second, time.Minute); d < most/2 || d > most {
				t.Fatalf("after %d failures: %v, want %v to %v", failures, d, most/2, most)
			}
		}
	}
}

// Where there is no wait there is none: a relay in a test tries again at once.
func TestBackoffOfNothing(t *testing.T) {
	if d := backoff(5, 0, 0); d != 0 {
		t.Errorf("%v", d)
	}
}
