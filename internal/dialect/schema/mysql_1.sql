CREATE TABLE filecleangen_outbox (
    id           bigint          NOT NULL AUTO_INCREMENT PRIMARY KEY,
    storage      varbinary(255)  NOT NULL,
    name         varbinary(2048) NOT NULL,
    state        varchar(16)     NOT NULL DEFAULT 'pending',
    reason       varchar(64)     NOT NULL DEFAULT '',
    model        varchar(1000)   NOT NULL DEFAULT '',
    field        varchar(1000)   NOT NULL DEFAULT '',
    record       varchar(1000)   NOT NULL DEFAULT '',
    derived_from varbinary(2048) NOT NULL DEFAULT '',
    created_at   bigint          NOT NULL DEFAULT (NOW),
    not_before   bigint          NOT NULL DEFAULT (NOW),
    attempts     integer         NOT NULL DEFAULT 0,
    last_error   varchar(1000)   NOT NULL DEFAULT '',
    claim        varchar(64)     NOT NULL DEFAULT '',
    UNIQUE (storage, name)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4;

CREATE INDEX filecleangen_outbox_due ON filecleangen_outbox (storage, not_before, id);

CREATE TABLE filecleangen_outbox_version (version integer NOT NULL PRIMARY KEY);

INSERT INTO filecleangen_outbox_version (version) VALUES (1);
