package runtime

// A Cause is why a file was kept: a short code, for logs and metrics. See
// [Cause.Description].
type Cause string

// Why files are kept.
const (
	StillInUse     Cause = "referenced"
	CheckFailed    Cause = "not-answered"
	UsedElsewhere  Cause = "conflict"
	InDoubt        Cause = "unconfirmed"
	UnknownOutcome Cause = "unknown-outcome"
	IsDefault      Cause = "default"
	IsKept         Cause = "keep-option"
	IsProtected    Cause = "protected"
	Vetoed         Cause = "vetoed"
	UnknownType    Cause = "unknown-type"
	UnsafeName     Cause = "unsafe-name"
	IsDirectory    Cause = "directory"
	FileKept       Cause = "source-kept"
	StillNamed     Cause = "held"           // with Unchecked, and of derived files
	NoRowChanged   Cause = "no-row-changed" // with Unchecked, and of derived files
	LostTrack      Cause = "lost-track"     // with Unchecked
)

var descriptions = map[Cause]string{
	StillInUse:     "the rows were asked, and one names it",
	CheckFailed:    "the rows could not be asked",
	UsedElsewhere:  "another batch that is open mentions it, or it is an upload",
	InDoubt:        "a batch whose outcome is unknown may have named it",
	UnknownOutcome: "nobody knows whether the transaction was committed",
	IsDefault:      "it is a default",
	IsKept:         "its field has the option keep",
	IsProtected:    "it is protected",
	Vetoed:         "an observer vetoed",
	UnknownType:    "the cleaner was not told of the type (WithTypes)",
	UnsafeName:     "its name is unsafe",
	IsDirectory:    "it is a directory",
	FileKept:       "the file that it is derived from was kept",
	StillNamed:     "a record of the batch names it",
	NoRowChanged:   "a write that failed or changed no row names it",
	LostTrack:      "the batch was rolled back to a savepoint that it does not have",
}

// Description returns the cause in words.
func (c Cause) Description() string {
	if text, ok := descriptions[c]; ok {
		return text
	}
	return string(c)
}
