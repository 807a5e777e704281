package suite

import "github.com/filecleangen/filecleangen/references"

// schema has the tables of package models.
var schema = map[references.Dialect][]string{
	references.SQLite: {
		"CREATE TABLE article (id integer PRIMARY KEY, title text NOT NULL, img_path text NOT NULL, banner text, pages text)",
		"CREATE TABLE part (id integer PRIMARY KEY, article_id integer NOT NULL, file text NOT NULL)",
	},
	references.PostgreSQL: {
		"CREATE TABLE article (id bigint PRIMARY KEY, title text NOT NULL, img_path text NOT NULL, banner text, pages jsonb)",
		"CREATE TABLE part (id bigint PRIMARY KEY, article_id bigint NOT NULL, file text NOT NULL)",
	},
	references.MySQL: {
		"CREATE TABLE article (id bigint PRIMARY KEY, title varchar(200) NOT NULL, img_path varchar(200) NOT NULL, banner varchar(200), pages json)",
		"CREATE TABLE part (id bigint PRIMARY KEY, article_id bigint NOT NULL, file varchar(200) NOT NULL)",
	},
}
