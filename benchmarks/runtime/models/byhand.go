package models

import "github.com/filecleangen/filecleangen/runtime"

// What a careful person would write in place of the generated methods.

// ByHandSnapshot is FileSnapshot.
func (a *Article) ByHandSnapshot() ArticleFiles {
	return ArticleFiles{Cover: a.Cover, Banner: a.Banner}
}

// ByHandUpdate is BeforeUpdate.
func (a *Article) ByHandUpdate(b *runtime.Batch, old ArticleFiles) {
	log := b.Updated(ArticleFileType, runtime.IntKey(a.ID))
	log.Hold(0, a.Cover)
	log.Hold(1, a.Banner)
	if old.Cover != a.Cover {
		log.Release(0, old.Cover)
	}
	if old.Banner != a.Banner {
		log.Release(1, old.Banner)
	}
}

// ByHandDelete is AfterDelete.
func (a *Article) ByHandDelete(b *runtime.Batch, old ArticleFiles) {
	log := b.Deleted(ArticleFileType, runtime.IntKey(a.ID))
	log.Release(0, old.Cover)
	log.Release(1, old.Banner)
}

// ByHandSnapshot is FileSnapshot.
func (a *Album) ByHandSnapshot() AlbumFiles {
	return AlbumFiles{Pages: append([]string(nil), a.Pages...)}
}

// ByHandUpdate is BeforeUpdate.
func (a *Album) ByHandUpdate(b *runtime.Batch, old AlbumFiles) {
	log := b.Updated(AlbumFileType, runtime.IntKey(a.ID))
	for _, name := range a.Pages {
		log.Hold(0, name)
	}
	for i, name := range old.Pages {
		if i >= len(a.Pages) || a.Pages[i] != name { // what moved is found when the journal is replayed
			log.Release(0, name)
		}
	}
}

// ByHandDelete is AfterDelete.
func (a *Album) ByHandDelete(b *runtime.Batch, old AlbumFiles) {
	log := b.Deleted(AlbumFileType, runtime.IntKey(a.ID))
	for _, name := range old.Pages {
		log.Release(0, name)
	}
}

// Names is what code without filecleangen would do that only collects the names
// to delete, and knows nothing of swaps, shared files, savepoints or rollbacks.
type Names struct{ Unwanted []string }

// Update collects what an update lets go of.
func (n *Names) Update(a *Article, old ArticleFiles) {
	if old.Cover != "" && old.Cover != a.Cover {
		n.Unwanted = append(n.Unwanted, old.Cover)
	}
	if old.Banner != "" && old.Banner != a.Banner {
		n.Unwanted = append(n.Unwanted, old.Banner)
	}
}
