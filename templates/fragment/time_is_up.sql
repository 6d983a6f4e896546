extract(epoch FROM clock_timestamp()) > nullif(current_setting('pgcleave.run_until', true), '')::numeric
