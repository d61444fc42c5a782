-- Jobs that are tried again after this repeat what they have done.

DROP TABLE corral.effects;
