-- Only expands: the release before this one knows of no feeds, and reads and writes no such table.

CREATE TABLE corral.feed_sources (
    id              uuid             NOT NULL,
    url             text             NOT NULL,
    title           text             NOT NULL DEFAULT '',
    site            text,
    format          text,
    state           text             NOT NULL DEFAULT 'active',
    paused_at       timestamptz,
    paused_by       text,
    interval_seconds double precision NOT NULL,
    next_fetch_at   timestamptz,
    not_before      timestamptz,
    etag            text,
    last_modified   text,
    digest          text,
    item_count      integer          NOT NULL DEFAULT 0,
    failures        integer          NOT NULL DEFAULT 0,
    last_fetched_at timestamptz,
    last_success_at timestamptz,
    last_status     integer,
    last_error      text,
    created_at      timestamptz      NOT NULL DEFAULT now(),
    created_by      text,
    CONSTRAINT feed_sources_pkey PRIMARY KEY (id)
);
-- An address is one source, however often it is imported.
CREATE UNIQUE INDEX feed_sources_url ON corral.feed_sources (url);

CREATE TABLE corral.feed_items (
    source       uuid        NOT NULL,
    guid         text        NOT NULL,
    id           uuid        NOT NULL,
    hash         text        NOT NULL,
    title        text        NOT NULL DEFAULT '',
    link         text,
    published_at timestamptz,
    data         jsonb       NOT NULL,
    seen_at      timestamptz NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    changed_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT feed_items_pkey PRIMARY KEY (source, guid)
);
-- The items of a source, newest first.
CREATE UNIQUE INDEX feed_items_newest ON corral.feed_items (source, id);

CREATE TABLE corral.imports (
    id              uuid        NOT NULL,
    created_by      text,
    started_at      timestamptz NOT NULL DEFAULT now(),
    finished_at     timestamptz,
    sources         integer     NOT NULL,
    pending_sources integer     NOT NULL,
    pending_items   integer     NOT NULL DEFAULT 0,
    new_items       integer     NOT NULL DEFAULT 0,
    updated_items   integer     NOT NULL DEFAULT 0,
    unchanged_items integer     NOT NULL DEFAULT 0,
    skipped_items   integer     NOT NULL DEFAULT 0,
    failed_items    integer     NOT NULL DEFAULT 0,
    CONSTRAINT imports_pkey PRIMARY KEY (id)
);

CREATE TABLE corral.import_sources (
    import  uuid NOT NULL,
    source  uuid NOT NULL,
    url     text NOT NULL,
    job     uuid,
    outcome text,
    error   text,
    CONSTRAINT import_sources_pkey PRIMARY KEY (import, source)
);

-- Only items that wait: what became of the others is counted in their import.
CREATE TABLE corral.import_items (
    import uuid NOT NULL,
    source uuid NOT NULL,
    guid   text NOT NULL,
    job    uuid,
    CONSTRAINT import_items_pkey PRIMARY KEY (import, source, guid)
);
