
    -- As PostgreSQL itself refuses it, but for CASCADE, which doesn't reach tables that refer to this one.
    FOR child IN
        SELECT conrelid, conname FROM pg_constraint
         WHERE confrelid = {{ follower.literal().sql() }}::regclass AND conrelid <> confrelid AND contype = 'f' AND conparentid = 0
    LOOP
        referenced := true;
        is_referenced := true;
        IF has_table_privilege(child.conrelid, 'SELECT') THEN
            EXECUTE format('SELECT EXISTS (SELECT FROM %s)', child.conrelid::regclass) INTO is_referenced;
        END IF;
        IF is_referenced THEN
            RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
                MESSAGE = 'cannot truncate a table referenced in a foreign key constraint',
                DETAIL = format('Table %s references it by %I.', child.conrelid::regclass, child.conname),
                HINT = format('Truncate table %s at the same time, by name.', child.conrelid::regclass);
        END IF;
    END LOOP;
