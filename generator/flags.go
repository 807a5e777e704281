package generator

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/filecleangen/filecleangen/generator/internal/load"
)

// flagsPrefix begins the line of a generated file that says how it was made.
const flagsPrefix = "//filecleangen:flags"

// chosen reports whether the configuration says how to generate: then nothing
// else does.
func (c *Config) chosen() bool {
	return len(c.Types) > 0 || c.Select || c.Snapshot != "" || c.Hooks != ""
}

// flags returns how to generate as flags of the command, without those that say
// what is the default.
func (c *Config) flags() string {
	var list []string
	add := func(unless bool, flag, value string) {
		if !unless {
			list = append(list, flag+value)
		}
	}
	add(c.Hooks == HooksAuto, "-hooks=", string(c.Hooks))
	add(c.Output == DefaultOutput, "-output=", c.Output)
	add(!c.Select, "-select", "")
	add(c.Snapshot == DefaultSnapshot, "-snapshot=", c.Snapshot)
	add(len(c.Types) == 0, "-type=", strings.Join(c.Types, ","))
	return strings.Join(list, " ")
}

// of returns the configuration for a directory: as it is, if it chooses how to
// generate, and else as what was generated there before was made. remembered are
// the flags that came from there.
func (c *Config) of(generated []load.Generated) (cfg *Config, remembered string, err error) {
	made := *c
	for _, g := range generated {
		if remembered = madeWith(g.Head); remembered == "" {
			continue
		}
		old, err := parseFlags(remembered)
		if err != nil {
			return nil, "", fmt.Errorf("%s: %w", flagsPrefix, err)
		}
		if !c.chosen() {
			made.Types, made.Select, made.Snapshot, made.Hooks = old.Types, old.Select, old.Snapshot, old.Hooks
		}
		if made.Output == "" {
			made.Output = old.Output
		}
		break
	}
	if c.chosen() {
		remembered = ""
	}
	return made.withDefaults(), remembered, nil
}

func (c *Config) withDefaults() *Config {
	d := *c
	if d.Output == "" {
		d.Output = DefaultOutput
	}
	if d.Snapshot == "" {
		d.Snapshot = DefaultSnapshot
	}
	if d.Hooks == "" {
		d.Hooks = HooksAuto
	}
	return &d
}

// madeWith returns the flags in what comes before the package clause.
func madeWith(head []byte) string {
	for line := range bytes.Lines(head) {
		if flags, ok := strings.CutPrefix(strings.TrimSpace(string(line)), flagsPrefix); ok {
			return strings.TrimSpace(flags)
		}
	}
	return ""
}

// parseFlags reads what flags has written.
func parseFlags(text string) (c Config, err error) {
	for f := range strings.FieldsSeq(text) {
		name, value, _ := strings.Cut(f, "=")
		switch name {
		case "-hooks":
			c.Hooks = Hooks(value)
		case "-output":
			c.Output = value
		case "-select":
			c.Select = true
		case "-snapshot":
			c.Snapshot = value
		case "-type":
			c.Types = strings.Split(value, ",")
		default:
			return Config{}, fmt.Errorf("unknown flag %s; remove the line, or the file, and generate again", f)
		}
	}
	if c.Hooks != "" && !slices.Contains(AllHooks, c.Hooks) {
		return Config{}, fmt.Errorf("there are no hooks %q; there are %v", c.Hooks, AllHooks)
	}
	if c.Output != "" {
		err = CheckOutput(c.Output)
	}
	if err == nil && c.Snapshot != "" {
		err = CheckSnapshot(c.Snapshot, len(c.Types) == 1)
	}
	return c, err
}
