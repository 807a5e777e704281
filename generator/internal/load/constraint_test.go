package load

import (
	"strings"
	"testing"
)

func TestConstraint(t *testing.T) {
	for _, test := range []struct{ name, header, want string }{
		{"a.go", "", ""},
		{"linux.go", "", ""},
		{"a_linux.go", "", "linux"},
		{"a_linux_test.go", "", "linux"},
		{"a_windows_arm64.go", "", "windows && arm64"},
		{"a_arm64_windows.go", "", "windows"},
		{"a_linux_gen.go", "", ""},
		{"a_wasm.go", "//go:build js\n", "wasm && js"},
		{"a.go", "// Copyright\n\n//go:build a && (b || !c)\n\n// Package p is a package.\n", "a && (b || !c)"},
		{"a.go", "// +build a b\n// +build !c\n\n", "(a || b) && !c"},
		{"a.go", "/*\npackage x\n*/\n\n//go:build a\n", "a"},
		{"a.go", "package p\n\n//go:build a\n", ""},
	} {
		e, err := constraintOf(test.name, []byte(test.header+"package p\n"))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		got := ""
		if e != nil {
			got = e.String()
		}
		if got != test.want {
			t.Errorf("%s %q: %s, want %s", test.name, test.header, got, test.want)
		}
	}
	if _, err := constraintOf("a.go", []byte("//go:build a &\n\npackage p\n")); err == nil {
		t.Error("a malformed constraint was taken")
	}
}

// TestSatisfying: a platform is found for whatever has one.
func TestSatisfying(t *testing.T) {
	for _, test := range []struct {
		constraint string
		tags       []string
		want       string // os/arch and flipped tags; "" is none
	}{
		{"go1.18", nil, "linux/amd64"},
		{"linux && cgo && gc && unix", nil, "linux/amd64"},
		{"premium", []string{"premium"}, "linux/amd64"},
		{"premium", nil, "linux/amd64 premium"},
		{"!linux", nil, "windows/amd64"},
		{"!linux && !windows && !darwin", nil, "other/amd64"},
		{"!unix", nil, "windows/amd64"},
		{"android && arm", nil, "android/arm"},
		{"linux && android", nil, "android/amd64"},
		{"!go1.21 || !cgo", nil, "linux/amd64 cgo"},
		{"a && b && !c", []string{"c"}, "linux/amd64 a b c"},
		{"linux && windows", nil, ""},
		{"a && !a", nil, ""},
	} {
		e, err := constraintIn([]byte("//go:build " + test.constraint + "\n"))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if p := satisfying(e, test.tags); p != nil {
			got = strings.Join(append([]string{p.os + "/" + p.arch}, p.flip...), " ")
			if !p.holds(e) {
				t.Errorf("%s does not hold on %s", test.constraint, got)
			}
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.constraint, got, test.want)
		}
	}
}
