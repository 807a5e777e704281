package storage

// A Ref names one file: a storage, as given to runtime.WithStorage, and a name
// in it. Two refs are the same file if and only if they are equal.
type Ref struct {
	Storage string // "" is the default storage
	Name    string // relative, slash-separated; see [CheckName]
}

// String returns the ref as "storage:name", or the bare name for the default
// storage.
func (r Ref) String() string {
	if r.Storage == "" {
		return r.Name
	}
	return r.Storage + ":" + r.Name
}
