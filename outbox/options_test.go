package outbox

import (
	"strings"
	"testing"
	"time"
)

// The errors of options name the option, and what was given to it.
func TestOptionErrors(t *testing.T) {
	for want, option := range map[string]Option{
		"WithGrace(-1s)":     WithGrace(-time.Second),
		"WithUploadTime(0s)": WithUploadTime(0),
	} {
		if err := option(&Outbox{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	for want, option := range map[string]RelayOption{
		"WithPoll(0s)":             WithPoll(0),
		"WithChunk(0)":             WithChunk(0),
		"WithLease(999ms)":         WithLease(999 * time.Millisecond),
		"WithAttempts(0, 1s, 1s)":  WithAttempts(0, time.Second, time.Second),
		"WithAttempts(1, -1s, 1s)": WithAttempts(1, -time.Second, time.Second),
		"WithAttempts(1, 2s, 1s)":  WithAttempts(1, 2*time.Second, time.Second),
		"WithRetention(0s)":        WithRetention(0),
		"the logger is nil":        WithRelayLogger(nil),
	} {
		if err := option(&Relay{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	var r Relay
	for _, option := range []RelayOption{WithPoll(1), WithChunk(1), WithLease(time.Second), WithAttempts(1, 0, 0), WithRetention(1), WithMarkerLater()} {
		if err := option(&r); err != nil {
			t.Error(err)
		}
	}
	if r.poll != 1 || r.chunk != 1 || r.lease != time.Second || r.attempts != 1 || r.retention != 1 || !r.markerLater {
		t.Errorf("%+v", &r)
	}
	if _, err := New(t.Context(), nil, nil); err == nil {
		t.Error("an outbox of nothing")
	}
}
