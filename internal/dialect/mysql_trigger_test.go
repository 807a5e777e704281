package dialect

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// What the database refuses is told with what to do, also where the statement stands in front.
func TestTriggerHint(t *testing.T) {
	for text, want := range map[string]string{
		"Error 1419 (HY000): You do not have the SUPER privilege and binary logging is enabled": "log_bin_trust_function_creators",
		"Error 1142 (42000): TRIGGER command denied to user":                                    "TRIGGER and SELECT",
		"Error 1146 (42S02): Table doesn't exist":                                               "",
	} {
		hint := mysql{}.TriggerHint(fmt.Errorf("CREATE TRIGGER x: %w", errors.New(text)))
		if !strings.Contains(hint, want) || (hint == "") != (want == "") {
			t.Errorf("%s: %q", text, hint)
		}
	}
	if (mysql{}).LockRefused(nil) || !(mysql{}).LockRefused(fmt.Errorf("x: %w", errors.New("Error 1205 (HY000): Lock wait timeout exceeded"))) {
		t.Error("a lock that was refused is not known")
	}
}

// A name of a trigger has to be of no more than 64 characters, and one of those that are
// recognized.
func TestTriggerNames(t *testing.T) {
	w := TriggerWriter{Program: "shop"}
	for _, event := range []string{onInsert, "cascadenull" + letters("0123abcf"), "cascadekey" + letters("ffff0000")} {
		name := triggerName(&w, "text", event)
		if got, is := triggerOf(name, "shop"); !is || got != event || len(name) > 64 {
			t.Errorf("%s: %q %t", name, got, is)
		}
	}
}
