package outbox

// What a row of the outbox can be in. See the package documentation.
const (
	stateWriting  = "writing"  // a file is being uploaded: nobody can take it yet
	stateUpload   = "upload"   // it is complete, and waits for a row that names it
	statePending  = "pending"  // it goes unless a row names it
	stateDeleting = "deleting" // a relay has found no row that names it: nobody can take it any more
	stateParked   = "parked"   // as deleting, and no relay tries any more
	stateGone     = "gone"     // the tombstone of a file: nobody can take its name yet
)

// row is a row of the outbox.
type row struct {
	storage, name string
	state         string
	reason        string
	model, field  string // the ID of the type and the Path of the field that let go of it; empty for an upload
	record        string // the key of the record, for people
	derivedFrom   string
	attempts      int  // with the one that is under way
	unfinished    bool // an attempt has begun, and nobody has said how it ended
	lastError     string
	claim         string // the token of the relay, or of the upload
	notBefore     int64
	revision      int64 // where a relay asks without a lock
}
