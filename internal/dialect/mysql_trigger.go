package dialect

import (
	"context"
	"time"
)

func (mysql) Triggers(context.Context, Queryer, TriggerWriter, TriggerTable) ([]TriggerObject, error) {
	return nil, ErrNoTriggers
}

func (mysql) InstalledTriggers(context.Context, Queryer, string) ([]TriggerObject, error) {
	return nil, nil
}

func (mysql) LockTimeout(time.Duration) []string { return nil }

func (mysql) LockRefused(error) bool { return false }
