package runtime

import "github.com/filecleangen/filecleangen/storage"

// A Ref names one file: a storage, as given to [WithStorage], and a name in it.
type Ref = storage.Ref
