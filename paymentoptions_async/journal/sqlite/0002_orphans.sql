-- Webhooks that belong to no payment: few, and looked for by whoever reconciles.

CREATE INDEX notices_orphaned ON notices (scope, ref, digest) WHERE known = 0 OR state = 'rejected';
