package outbox

// What a row of the outbox can be in.
const (
	stateUpload   = "upload"   // an intent, called off by the transaction that comes to name the file
	statePending  = "pending"  // called off by whoever names the file
	stateDeleting = "deleting" // a relay has found no row that names it; nobody can name it any more
	stateParked   = "parked"   // as deleting, and no relay tries any more
)

// row is a row of the outbox.
type row struct {
	id            int64
	storage, name string
	state         string
	reason        string
	model, field  string // the ID of the type and the Path of the field that let go of it; empty for an upload
	record        string // the key of the record, for people; the token of an intent
	derivedFrom   string
	attempts      int // with the one that is under way
	lastError     string
	notBefore     int64
}
