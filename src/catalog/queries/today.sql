SELECT pg_catalog.timezone($1, pg_catalog.now())::date::text AS today
