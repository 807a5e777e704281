-- name: LoadArticle :one
SELECT id, title, img_path, banner, pages FROM article WHERE id = $1 FOR UPDATE;

-- name: InsertArticle :exec
INSERT INTO article (id, title, img_path, banner, pages) VALUES ($1, $2, $3, $4, $5);

-- name: UpsertArticle :exec
INSERT INTO article (id, title, img_path, banner, pages) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (id) DO UPDATE SET title = excluded.title, img_path = excluded.img_path, banner = excluded.banner, pages = excluded.pages;

-- name: UpdateArticles :exec
UPDATE article SET
    title = CASE WHEN sqlc.arg(set_title)::bool THEN sqlc.arg(title) ELSE title END,
    img_path = CASE WHEN sqlc.arg(set_img_path)::bool THEN sqlc.arg(img_path) ELSE img_path END,
    banner = CASE WHEN sqlc.arg(set_banner)::bool THEN sqlc.narg(banner) ELSE banner END,
    pages = CASE WHEN sqlc.arg(set_pages)::bool THEN sqlc.narg(pages)::jsonb ELSE pages END
WHERE (id = sqlc.narg(by_id) OR sqlc.narg(by_id) IS NULL) AND (title = sqlc.narg(by_title) OR sqlc.narg(by_title) IS NULL);

-- name: SetCover :exec
UPDATE article SET img_path = $1 WHERE id = $2;

-- name: DeleteArticle :exec
DELETE FROM article WHERE id = $1;

-- name: DeleteArticles :exec
DELETE FROM article WHERE title = $1;

-- name: DeleteParts :exec
DELETE FROM part WHERE article_id = $1;
