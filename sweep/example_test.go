package sweep_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/sweep"
)

// See first what would be deleted, and then have it deleted.
func Example() {
	ctx := context.Background()
	var box *outbox.Outbox // as the program has it
	sweeper, err := sweep.New(box, "shop-production")
	if err != nil {
		log.Fatal(err)
	}
	report, err := sweeper.Scan(ctx, "media", "media.plan")
	if report != nil {
		fmt.Print(report)
	}
	if errors.Is(err, sweep.ErrRefused) {
		return // the report says why, and which option goes on
	}
	if err != nil {
		log.Fatal(err)
	}
	// … when somebody has read the report, within a day
	applied, err := sweeper.Apply(ctx, "media.plan")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(applied.Released, "files are left to the relays; to take them back:", applied.Run)
}
