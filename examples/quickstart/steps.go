package main

import (
	"context"
	"errors"
)

// step is one transaction of the story, and what is on disk after it.
type step struct {
	title string
	do    func(context.Context, *Tx) error
	fails error // what InTx must return
	disk  []string
}

var errChangedMind = errors.New("changed my mind")

var steps = []step{
	{
		title: "Create an article with a picture.",
		do: func(ctx context.Context, tx *Tx) error {
			cover, err := tx.Upload(ctx, "covers/sunrise.png", picture("sunrise"))
			if err != nil {
				return err
			}
			return tx.Insert(ctx, &Article{Title: "Light", Cover: cover})
		},
		disk: []string{"covers/blank.png", "covers/sunrise.png"},
	},
	{
		title: "Give it another picture: the old one goes.",
		do: change(1, func(ctx context.Context, tx *Tx, a *Article) (err error) {
			a.Cover, err = tx.Upload(ctx, "covers/noon.png", picture("noon"))
			return err
		}),
		disk: []string{"covers/blank.png", "covers/noon.png"},
	},
	{
		title: "Change the title only: the picture stays.",
		do: change(1, func(_ context.Context, _ *Tx, a *Article) error {
			a.Title = "More light"
			return nil
		}),
		disk: []string{"covers/blank.png", "covers/noon.png"},
	},
	{
		title: "Upload another picture and roll back: the old one stays, the uploaded one goes.",
		do: func(ctx context.Context, tx *Tx) error {
			err := change(1, func(ctx context.Context, tx *Tx, a *Article) (err error) {
				a.Cover, err = tx.Upload(ctx, "covers/night.png", picture("night"))
				return err
			})(ctx, tx)
			return errors.Join(err, errChangedMind)
		},
		fails: errChangedMind,
		disk:  []string{"covers/blank.png", "covers/noon.png"},
	},
	{
		title: "A second article, on the default picture.",
		do: func(ctx context.Context, tx *Tx) error {
			return tx.Insert(ctx, &Article{Title: "Shade", Cover: "covers/blank.png"})
		},
		disk: []string{"covers/blank.png", "covers/noon.png"},
	},
	{
		title: "An UPDATE that clears the picture fails (its title is taken), the transaction commits: nothing is lost.",
		do: func(ctx context.Context, tx *Tx) error {
			err := change(1, func(_ context.Context, _ *Tx, a *Article) error {
				a.Title, a.Cover = "Shade", ""
				return nil
			})(ctx, tx)
			if err == nil {
				return errors.New("the title is not unique")
			}
			return nil
		},
		disk: []string{"covers/blank.png", "covers/noon.png"},
	},
	{
		title: "The second article gets a picture of its own: the default stays.",
		do: change(2, func(ctx context.Context, tx *Tx, a *Article) (err error) {
			a.Cover, err = tx.Upload(ctx, "covers/moon.png", picture("moon"))
			return err
		}),
		disk: []string{"covers/blank.png", "covers/moon.png", "covers/noon.png"},
	},
	{
		title: "It goes back to the default, and is deleted: the default stays.",
		do: func(ctx context.Context, tx *Tx) error {
			err := change(2, func(_ context.Context, _ *Tx, a *Article) error {
				a.Cover = "covers/blank.png"
				return nil
			})(ctx, tx)
			if err != nil {
				return err
			}
			return remove(ctx, tx, 2)
		},
		disk: []string{"covers/blank.png", "covers/noon.png"},
	},
	{
		title: "The first article gets a banner.",
		do: change(1, func(ctx context.Context, tx *Tx, a *Article) (err error) {
			a.Banner, err = tx.Upload(ctx, "banners/stars.png", picture("stars"))
			return err
		}),
		disk: []string{"banners/stars.png", "covers/blank.png", "covers/noon.png"},
	},
	{
		title: "Swap cover and banner: both stay.",
		do: change(1, func(_ context.Context, _ *Tx, a *Article) error {
			a.Cover, a.Banner = a.Banner, a.Cover
			return nil
		}),
		disk: []string{"banners/stars.png", "covers/blank.png", "covers/noon.png"},
	},
	{
		title: "Move the banner to a new article and delete the first: the banner stays, the cover goes.",
		do: func(ctx context.Context, tx *Tx) error {
			first, _, err := tx.Load(ctx, 1)
			if err != nil {
				return err
			}
			if err := tx.Insert(ctx, &Article{Title: "Heir", Cover: first.Banner}); err != nil {
				return err
			}
			return remove(ctx, tx, 1)
		},
		disk: []string{"covers/blank.png", "covers/noon.png"},
	},
	{
		title: "Delete it: its picture goes.",
		do: func(ctx context.Context, tx *Tx) error {
			return remove(ctx, tx, 2) // SQLite gives the id of the deleted article again
		},
		disk: []string{"covers/blank.png"},
	},
}

// change returns a transaction that loads an article, changes it and saves it.
func change(id int64, f func(context.Context, *Tx, *Article) error) func(context.Context, *Tx) error {
	return func(ctx context.Context, tx *Tx) error {
		a, old, err := tx.Load(ctx, id)
		if err != nil {
			return err
		}
		if err := f(ctx, tx, a); err != nil {
			return err
		}
		return tx.Save(ctx, a, old)
	}
}

func remove(ctx context.Context, tx *Tx, id int64) error {
	a, old, err := tx.Load(ctx, id)
	if err != nil {
		return err
	}
	return tx.Delete(ctx, a, old)
}
