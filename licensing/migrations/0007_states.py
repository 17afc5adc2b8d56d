from django.db import migrations

# Beside the table in licensing/states.py, so that a change which passes it by is refused all the same.
TABLE_OF_STATES = """
CREATE FUNCTION subscription_state_moves_by_the_table() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
    IF (OLD.state, NEW.state) NOT IN (
        ('trial', 'active'),
        ('trial', 'disabled'),
        ('active', 'expired'),
        ('active', 'disabled'),
        ('expired', 'active'),
        ('expired', 'disabled'),
        ('disabled', 'active'),
        ('disabled', 'deleted')
    ) THEN
        RAISE EXCEPTION 'subscription_state_moves_by_the_table: % cannot become %', OLD.state, NEW.state
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER state_moves_by_the_table BEFORE UPDATE OF state ON licensing_subscription
    FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state)
    EXECUTE FUNCTION subscription_state_moves_by_the_table();
"""
UNDO = """
DROP TRIGGER state_moves_by_the_table ON licensing_subscription;
DROP FUNCTION subscription_state_moves_by_the_table();
"""


class Migration(migrations.Migration):
    dependencies = [("licensing", "0006_renewal_stopped")]
    operations = [migrations.RunSQL(TABLE_OF_STATES, UNDO)]
