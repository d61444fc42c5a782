-- Webhooks, their secrets and all deliveries are gone after this.

DROP TABLE corral.webhook_deliveries;
DROP TABLE corral.webhook_secrets;
DROP TABLE corral.webhooks;
