CREATE TABLE article (id bigint PRIMARY KEY, title text NOT NULL, img_path text NOT NULL, banner text, pages jsonb);
CREATE TABLE part (id bigint PRIMARY KEY, article_id bigint NOT NULL, file text NOT NULL);
