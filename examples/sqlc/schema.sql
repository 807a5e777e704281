CREATE TABLE author (
  id   INTEGER PRIMARY KEY,
  name TEXT NOT NULL
);

CREATE TABLE article (
  id        INTEGER PRIMARY KEY,
  author_id INTEGER NOT NULL REFERENCES author (id),
  title     TEXT NOT NULL,
  cover     TEXT NOT NULL
);
