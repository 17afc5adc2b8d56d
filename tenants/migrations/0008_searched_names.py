from django.db import migrations

# As people are searched: any part of a name in either case, and of an address, which is kept in lower case. The
# extension comes with PostgreSQL, and whoever owns the database may install it. Where neither is so, searching reads
# the people of the organisation one by one instead.
ADD = """
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX membership_name_parts ON tenants_membership USING gin (upper(name) gin_trgm_ops);
    CREATE INDEX user_email_parts ON tenants_user USING gin (email gin_trgm_ops);
EXCEPTION
    WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
        RAISE NOTICE 'pg_trgm cannot be installed here: searching for people will be slower';
END
$$
"""
REMOVE = """
DROP INDEX IF EXISTS user_email_parts;
DROP INDEX IF EXISTS membership_name_parts;
"""


class Migration(migrations.Migration):
    dependencies = [("tenants", "0007_webhooks")]

    operations = [migrations.RunSQL(ADD, REMOVE)]
