-- Providers, with what operators set for them, are forgotten; so are the answers that queries share.

DROP TABLE corral.provider_answers;
DROP TABLE corral.providers;
