package runtime_test

import (
	"testing"

	"github.com/filecleangen/filecleangen/runtime"
)

func TestKeyAnd(t *testing.T) {
	number, text, uuid := runtime.IntKey[int], runtime.TextKey[string], runtime.UUIDKey[[16]byte]
	different := []runtime.Key{
		number(1), number(1).And(number(2)), number(2).And(number(1)), number(1).And(number(2)).And(number(3)),
		text("1").And(number(2)), number(1).And(text("2")), text("1").And(text("2")), text("12").And(text("2")), text("1").And(text("22")),
		text("1").And(text("2")).And(text("3")), text("1").And(text("23")), uuid([16]byte{15: 1}).And(number(2)),
	}
	for i, a := range different {
		if a.IsZero() {
			t.Errorf("%d is anonymous", i)
		}
		for j, b := range different {
			if i != j && a == b {
				t.Errorf("%d and %d are the same", i, j)
			}
		}
	}
	for _, key := range []func() runtime.Key{
		func() runtime.Key { return number(1).And(text("a")) },
		func() runtime.Key { return number(1).And(number(2)) },
	} {
		if once, again := key(), key(); once != again {
			t.Error("the same fields make different keys")
		}
	}
	for _, k := range []runtime.Key{number(0).And(number(1)), number(1).And(text("")), number(1).And(number(2)).And(number(0)), {}} {
		if !k.IsZero() {
			t.Errorf("%v is not anonymous", k)
		}
	}
	if n := testing.AllocsPerRun(100, func() { _ = number(1).And(number(2)) }); n > 0 {
		t.Errorf("two integers: %v allocations", n)
	}
}
