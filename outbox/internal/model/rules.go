package model

// rules are the parts of the protocol that can be taken out one by one, to see what
// goes wrong without them.
type rules struct {
	// transactions
	refuseWriting   bool // a take is refused where an upload is being written
	refuseDeleting  bool // … where a relay has said that it deletes the file
	refuseParked    bool // … where that failed too often
	refuseGone      bool // … where there is a tombstone, whoever comes
	takeUnchanged   bool // a name that memory says is unchanged is taken nevertheless
	takeLeavesRow   bool // a take leaves the row, so that the relay asks
	keyWaits        bool // a take without a row makes others wait who insert the name
	bothChecked     bool // take and release in one batch is refused like a take
	bothLeft        bool // … and leaves a row
	releaseSees     bool // a release follows from what the row named, not from what memory says it did
	releaseUnclaims bool // a release takes a row that is deleting from the relay
	lockPending     bool // a release locks a row that is pending
	lockUpload      bool // … or writing or upload
	goneNotPending  bool // a release of a tombstone doesn't make it pending
	goneNotLeft     bool // … and doesn't leave it
	existsKeepsNote bool // an upload that found a file leaves its row if a release was noted

	// uploads
	writingFirst   bool // Create notes writing, which only Close makes upload
	createGone     bool // Create doesn't reuse a tombstone
	createDeleting bool // … or a row that is deleting
	createParked   bool // … or parked
	createDurable  bool // the commit of Create is on disk before the file is made
	openInTime     bool // no file is made when the time for the upload is over
	closeReleases  bool // Close that doesn't find its row releases the name
	discardAsks    bool // Discard leaves it to the relay to delete the file
	discardRefuses bool // … and leaves one that was not complete writing, so that nobody can take it

	// relay
	askAfterLock bool // it asks in a statement that begins after the row is locked
	askAtOnce    bool // it asks about all columns of a record in one statement
	claimDurable bool // the commit of a claim is on disk before a file is deleted
	reclaimAsks  bool // it asks again about a row that was deleting already
	lookAtLease  bool // it looks at its lease before each file
	doneOwn      bool // only with its own claim it makes a row a tombstone
	dropMissing  bool // it drops a row, instead, only if it found no file
	dropFirst    bool // … and nobody had claimed the row before
	dropPending  bool // … and it was pending, not writing or upload

	// relay, where one transaction at a time writes
	markUnchanged  bool // it marks only rows that nobody changed since it asked
	releaseTouches bool // every release changes the row
	takeTouches    bool // a take changes the row, so that it is not marked
	askAgain       bool // it asks again after it has marked

	// purge
	retention bool // tombstones stay longer than any memory of the name
}

// protocol has all of them.
var protocol = rules{
	refuseWriting:   true,
	refuseDeleting:  true,
	refuseParked:    true,
	refuseGone:      true,
	takeUnchanged:   true,
	takeLeavesRow:   true,
	keyWaits:        true,
	bothChecked:     true,
	bothLeft:        true,
	releaseSees:     true,
	lockPending:     true,
	lockUpload:      true,
	goneNotPending:  true,
	goneNotLeft:     true,
	existsKeepsNote: true,
	writingFirst:    true,
	createGone:      true,
	createDeleting:  true,
	createParked:    true,
	createDurable:   true,
	openInTime:      true,
	closeReleases:   true,
	discardAsks:     true,
	discardRefuses:  true,
	askAfterLock:    true,
	askAtOnce:       true,
	claimDurable:    true,
	reclaimAsks:     true,
	lookAtLease:     true,
	doneOwn:         true,
	dropMissing:     true,
	dropFirst:       true,
	dropPending:     true,
	markUnchanged:   true,
	releaseUnclaims: true,
	releaseTouches:  true,
	takeTouches:     true,
	askAgain:        true,
	retention:       true,
}
