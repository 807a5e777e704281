package random_test

// sqliteOwn are statements that SQLite has of its own.
func (p *player) sqliteOwn(*session) []func() statement {
	return []func() statement{
		p.orReplace, p.orReplace, p.replaceSelect, p.updateOr, p.orFail, p.upsertTwice,
		p.sqliteUpdateFrom, p.sqliteWith, p.jsonSet, p.orScan,
	}
}

func (p *player) orReplace() statement {
	id := p.id()
	return sqlOf("INSERT OR REPLACE INTO album (id, slug, cover, banner) VALUES (?, ?, ?, ?), (?, ?, ?, ?)", id, p.slug(), p.cover(), p.name(), id+1, p.slug(), p.cover(), p.name())
}

func (p *player) replaceSelect() statement {
	return sqlOf("REPLACE INTO item (id, album_id, file) SELECT id + 1, album_id, file FROM item WHERE id > ?", p.other())
}

func (p *player) or() string {
	return []string{"REPLACE", "FAIL", "IGNORE", "ABORT", "ROLLBACK"}[p.rand.IntN(5)]
}

func (p *player) updateOr() statement {
	if p.one(2) {
		return sqlOf("UPDATE OR "+p.or()+" album SET slug = ?, banner = ? WHERE id >= ?", p.slug(), p.name(), p.id())
	}
	return sqlOf("UPDATE OR "+p.or()+" album SET id = ?, cover = ? WHERE id = ?", p.id(), p.cover(), p.id())
}

// orFail leaves what it did before it failed.
func (p *player) orFail() statement {
	id := p.id()
	return sqlOf("INSERT OR "+p.or()+" INTO album (id, slug, cover) VALUES (?, ?, ?), (?, ?, ?)", id, p.slug(), p.cover(), id+1, p.slug(), p.cover())
}

func (p *player) orScan() statement {
	id := p.other()
	return sqlOf("INSERT OR "+p.or()+" INTO scan (id, file) VALUES (?, ?), (?, ?)", id, p.name(), id+1, p.name())
}

func (p *player) upsertTwice() statement {
	return sqlOf("INSERT INTO album (id, slug, cover) SELECT ?, ?, ? WHERE true ON CONFLICT (slug) DO UPDATE SET cover = excluded.cover, photos = NULL ON CONFLICT (id) DO UPDATE SET banner = excluded.cover",
		p.id(), p.slug(), p.cover())
}

func (p *player) sqliteUpdateFrom() statement {
	return sqlOf("UPDATE album SET cover = o.cover, photos = o.photos, original = o.banner FROM album o WHERE o.id = album.id + ?", p.rand.IntN(3)-1)
}

func (p *player) sqliteWith() statement {
	switch p.rand.IntN(3) {
	case 0:
		return sqlOf("WITH one AS (SELECT max(id) AS id FROM item) DELETE FROM item WHERE id IN (SELECT id FROM one)")
	case 1:
		return sqlOf("WITH one AS (SELECT id, file FROM part WHERE id > ?) INSERT INTO note (id, file) SELECT id, file FROM one", p.other())
	}
	return sqlOf("WITH one AS (SELECT ? AS file) UPDATE scan SET file = (SELECT file FROM one) WHERE id < ?", p.name(), p.other())
}

func (p *player) jsonSet() statement {
	if p.one(2) {
		return sqlOf("UPDATE album SET photos = json_remove(photos, '$[0]') WHERE id > ?", p.id())
	}
	return sqlOf("UPDATE album SET pages = json_set(coalesce(pages, '[]'), '$[0]', coalesce(?, '')), photos = json_set(photos, '$[1].more', banner) WHERE id > ?", p.name(), p.id())
}
