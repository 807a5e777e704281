package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// table returns results in Markdown.
func table(results []*result) string {
	var base time.Duration
	for _, r := range results {
		if r.job.name == parseJob {
			base = median(r.warm)
		}
	}
	var b strings.Builder
	b.WriteString("| job | warm, ms: median (min–max) | × parse | cold, ms: median | peak, MiB |\n|---|---|---|---|---|\n")
	for _, r := range results {
		fmt.Fprintf(&b, "| %s | %s (%s–%s) | %.1f | %s | %.0f |\n", r.job.name,
			ms(median(r.warm)), ms(slices.Min(r.warm)), ms(slices.Max(r.warm)),
			float64(median(r.warm))/float64(base), coldColumn(r.cold), float64(r.peak)/(1<<20))
	}
	return b.String()
}

func coldColumn(cold []time.Duration) string {
	if len(cold) == 0 {
		return "–"
	}
	return ms(median(cold))
}

// ms prints milliseconds, with a decimal where they are few.
func ms(d time.Duration) string {
	v := float64(d) / float64(time.Millisecond)
	if v < 10 {
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

func median(list []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(list))
	if n := len(sorted); n%2 == 0 {
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[len(sorted)/2]
}
