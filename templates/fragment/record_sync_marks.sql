-- DISABLE and ENABLE TRIGGER, or a replaced function, leave their trace only in xmin.
UPDATE {{ c.names.state.sql() }} SET sync_marks =
    {% include "fragment/sync_marks.sql" %};
