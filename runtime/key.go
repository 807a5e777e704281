package runtime

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// A Key tells one record of a type from another: its primary key. Making and
// comparing keys allocates nothing.
//
// The zero Key is anonymous. A batch cannot tell two anonymous records apart,
// so what one of them holds is never cancelled by what another releases: a
// file may be kept that could have gone, never the other way round. The
// constructors return it for the zero value of their argument, which is what a
// primary key is before the database has set it.
type Key struct {
	kind   keyKind
	table  string
	text   string
	hi, lo uint64
}

type keyKind uint8

const (
	anonymous keyKind = iota
	intKey
	textKey
	uuidKey
	pairKey  // two integers
	partsKey // anything else, encoded in text
)

// IntKey returns the key of a record with an integer primary key.
func IntKey[T ~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr](id T) Key {
	if id == 0 {
		return Key{}
	}
	return Key{kind: intKey, lo: uint64(id)}
}

// TextKey returns the key of a record with a string primary key.
func TextKey[T ~string](id T) Key {
	if id == "" {
		return Key{}
	}
	return Key{kind: textKey, text: string(id)}
}

// UUIDKey returns the key of a record with a 16-byte primary key, such as
// github.com/google/uuid's UUID.
func UUIDKey[T ~[16]byte](id T) Key {
	if id == (T{}) {
		return Key{}
	}
	b := [16]byte(id)
	return Key{kind: uuidKey, hi: binary.BigEndian.Uint64(b[:8]), lo: binary.BigEndian.Uint64(b[8:])}
}

// And returns the key of a record whose primary key has several fields: this
// one and next. If one of them is anonymous, so is the result. It allocates,
// unless there are two fields and both are integers.
func (k Key) And(next Key) Key {
	switch {
	case k.kind == anonymous || next.kind == anonymous:
		return Key{}
	case k.kind == intKey && next.kind == intKey:
		return Key{kind: pairKey, hi: k.lo, lo: next.lo}
	}
	return Key{kind: partsKey, text: string(next.encode(k.encode(nil)))}
}

// encode appends the key such that no two sequences of keys look the same.
func (k Key) encode(to []byte) []byte {
	if k.kind == partsKey {
		return append(to, k.text...)
	}
	to = append(to, byte(k.kind))
	to = binary.BigEndian.AppendUint64(to, k.hi)
	to = binary.BigEndian.AppendUint64(to, k.lo)
	to = binary.AppendUvarint(to, uint64(len(k.text)))
	return append(to, k.text...)
}

// In returns the key of the same record in the named table. Records are told
// apart by their type and key; where one type is stored in several tables, or
// several types in one, give the table's name, the same one each time, and
// records are told apart by table and key instead. An anonymous key stays
// anonymous.
func (k Key) In(table string) Key {
	if k.kind != anonymous {
		k.table = table
	}
	return k
}

// IsZero reports whether the key is anonymous.
func (k Key) IsZero() bool { return k.kind == anonymous }

// String returns the key for a person to read: "42", "42,7" for several fields,
// "article/42" with the name of a table, "" if it is anonymous.
func (k Key) String() string {
	var parts []string
	switch k.kind {
	case anonymous:
		return ""
	case intKey:
		parts = []string{strconv.FormatInt(int64(k.lo), 10)}
	case textKey:
		parts = []string{k.text}
	case uuidKey:
		var id [16]byte
		binary.BigEndian.PutUint64(id[:8], k.hi)
		binary.BigEndian.PutUint64(id[8:], k.lo)
		parts = []string{fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])}
	case pairKey:
		parts = []string{strconv.FormatInt(int64(k.hi), 10), strconv.FormatInt(int64(k.lo), 10)}
	case partsKey:
		for rest := []byte(k.text); len(rest) > 0; {
			var part Key
			part, rest = decode(rest)
			parts = append(parts, part.String())
		}
	}
	s := strings.Join(parts, ",")
	if k.table != "" {
		return k.table + "/" + s
	}
	return s
}

// decode undoes encode for the first key in b.
func decode(b []byte) (k Key, rest []byte) {
	k.kind = keyKind(b[0])
	k.hi, k.lo = binary.BigEndian.Uint64(b[1:]), binary.BigEndian.Uint64(b[9:])
	size, n := binary.Uvarint(b[17:])
	rest = b[17+n:]
	k.text, rest = string(rest[:size]), rest[size:]
	return k, rest
}
