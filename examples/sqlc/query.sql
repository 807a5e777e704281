-- name: CreateAuthor :one
INSERT INTO author (name) VALUES (?) RETURNING *;

-- name: CreateArticle :one
INSERT INTO article (author_id, title, cover) VALUES (?, ?, ?) RETURNING *;

-- name: GetArticle :one
SELECT * FROM article WHERE id = ?;

-- name: ListArticles :many
SELECT sqlc.embed(article), author.name
FROM article JOIN author ON author.id = article.author_id;

-- name: SetCover :execrows
UPDATE article SET cover = ? WHERE id = ?;

-- name: DeleteArticle :one
DELETE FROM article WHERE id = ? RETURNING *;
