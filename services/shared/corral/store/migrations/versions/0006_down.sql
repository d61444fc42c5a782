DROP TABLE corral.sink_mails;
