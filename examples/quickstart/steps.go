package main

import (
	"context"
	"errors"
)

// step is one transaction of the story, and what is on disk after it.
type step struct {
	title  string
	upload string // the picture that is uploaded before the transaction, or ""
	do     transaction
	fails  error // what InTx must return
	disk   []string
}

// transaction is what is done in one, with the name of the picture that was uploaded.
type transaction func(ctx context.Context, tx *Tx, picture string) error

var errChangedMind = errors.New("changed my mind")

var steps = []step{
	{
		title:  "Create an article with a picture.",
		upload: "covers/sunrise.png",
		do: func(ctx context.Context, tx *Tx, picture string) error {
			return tx.Insert(ctx, &Article{Title: "Light", Cover: picture})
		},
		disk: []string{"covers/blank.png", "covers/sunrise.png"},
	},
	{
		title:  "Give it another picture: the old one goes.",
		upload: "covers/noon.png",
		do:     change(1, func(a *Article, picture string) { a.Cover = picture }),
		disk:   []string{"covers/blank.png", "covers/noon.png"},
	},
	{
		title: "Change the title only: the picture stays.",
		do:    change(1, func(a *Article, _ string) { a.Title = "More light" }),
		disk:  []string{"covers/blank.png", "covers/noon.png"},
	},
	{
		title:  "Upload another picture and roll back: the old one stays, the uploaded one goes.",
		upload: "covers/night.png",
		do: func(ctx context.Context, tx *Tx, picture string) error {
			err := change(1, func(a *Article, picture string) { a.Cover = picture })(ctx, tx, picture)
			return errors.Join(err, errChangedMind)
		},
		fails: errChangedMind,
		disk:  []string{"covers/blank.png", "covers/noon.png"},
	},
	{
		title: "A second article, on the default picture.",
		do: func(ctx context.Context, tx *Tx, _ string) error {
			return tx.Insert(ctx, &Article{Title: "Shade", Cover: "covers/blank.png"})
		},
		disk: []string{"covers/blank.png", "covers/noon.png"},
	},
	{
		title: "An UPDATE that clears the picture fails (its title is taken), the transaction commits: nothing is lost.",
		do: func(ctx context.Context, tx *Tx, _ string) error {
			err := change(1, func(a *Article, _ string) { a.Title, a.Cover = "Shade", "" })(ctx, tx, "")
			if err == nil {
				return errors.New("the title is not unique")
			}
			return nil
		},
		disk: []string{"covers/blank.png", "covers/noon.png"},
	},
	{
		title:  "The second article gets a picture of its own: the default stays.",
		upload: "covers/moon.png",
		do:     change(2, func(a *Article, picture string) { a.Cover = picture }),
		disk:   []string{"covers/blank.png", "covers/moon.png", "covers/noon.png"},
	},
	{
		title: "It goes back to the default, and is deleted: the default stays.",
		do: func(ctx context.Context, tx *Tx, _ string) error {
			err := change(2, func(a *Article, _ string) { a.Cover = "covers/blank.png" })(ctx, tx, "")
			if err != nil {
				return err
			}
			return remove(ctx, tx, 2)
		},
		disk: []string{"covers/blank.png", "covers/noon.png"},
	},
	{
		title:  "The first article gets a banner.",
		upload: "banners/stars.png",
		do:     change(1, func(a *Article, picture string) { a.Banner = picture }),
		disk:   []string{"banners/stars.png", "covers/blank.png", "covers/noon.png"},
	},
	{
		title: "Swap cover and banner: both stay.",
		do:    change(1, func(a *Article, _ string) { a.Cover, a.Banner = a.Banner, a.Cover }),
		disk:  []string{"banners/stars.png", "covers/blank.png", "covers/noon.png"},
	},
	{
		title: "Move the banner to a new article and delete the first: the banner stays, the cover goes.",
		do: func(ctx context.Context, tx *Tx, _ string) error {
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
		do: func(ctx context.Context, tx *Tx, _ string) error {
			return remove(ctx, tx, 2) // SQLite gives the id of the deleted article again
		},
		disk: []string{"covers/blank.png"},
	},
}

// change returns a transaction that loads an article, changes it and saves it.
func change(id int64, f func(a *Article, picture string)) transaction {
	return func(ctx context.Context, tx *Tx, picture string) error {
		a, old, err := tx.Load(ctx, id)
		if err != nil {
			return err
		}
		f(a, picture)
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
