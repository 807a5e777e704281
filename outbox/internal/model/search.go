package model

import (
	"fmt"
	"slices"
)

// found is what a search came to.
type found struct {
	states int
	fault  fault
	trace  []string
}

// search visits all states that can come to be, nearest first.
type search struct {
	model  *model
	index  map[state]int32
	states []state
	parent []int32
}

// find searches for one kind of fault, or for any. A state that has another fault is
// the end of its path.
func (m *model) find(sought fault) (result found) {
	m.search(func(s *search, i int32) walk {
		f := m.check(&s.states[i])
		result.states = len(s.states)
		switch {
		case f == fine:
			return on
		case sought != fine && f != sought:
			return back
		}
		result.fault, result.trace = f, s.trace(i)
		return end
	})
	return result
}

// reaches reports whether a state can come to be.
func (m *model) reaches(is func(s *state) bool) (found bool) {
	m.search(func(s *search, i int32) walk {
		if found = is(&s.states[i]); found {
			return end
		}
		return on
	})
	return found
}

// walk says how a search goes on from a state.
type walk uint8

const (
	on walk = iota
	back
	end
)

func (m *model) search(look func(s *search, i int32) walk) {
	s := &search{model: m, index: map[state]int32{}}
	s.visit(m.initial(), -1)
	for i := int32(0); int(i) < len(s.states); i++ {
		switch look(s, i) {
		case on:
			m.steps(s.states[i], func(_ actor, _ string, next state) { s.visit(next, i) })
		case end:
			return
		case back:
		}
	}
}

func (s *search) visit(next state, from int32) {
	next = s.model.canonical(next)
	if _, known := s.index[next]; known {
		return
	}
	s.index[next] = int32(len(s.states))
	s.states = append(s.states, next)
	s.parent = append(s.parent, from)
}

// trace tells how a state came to be. The states that were visited don't say which of
// two like actors is which, so that the same way is gone again with states that do.
func (s *search) trace(i int32) (steps []string) {
	var way []state
	for ; i > 0; i = s.parent[i] {
		way = append(way, s.states[i])
	}
	at := s.model.initial()
	for _, to := range slices.Backward(way) {
		var step string
		at, step = s.follow(at, to)
		steps = append(steps, step)
	}
	return steps
}

// follow takes the step from a state to one that is like another.
func (s *search) follow(at, to state) (reached state, step string) {
	s.model.steps(at, func(who actor, what string, next state) {
		if step == "" && s.model.canonical(next) == to {
			reached, step = next, fmt.Sprintf("%-9v %s", who, what)
		}
	})
	return reached, step
}
