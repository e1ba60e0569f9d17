-- Run once, by the server's owner, when its volume is new: the product's role, which is no superuser, and a database for each that keeps records.
\getenv password DB_PASSWORD
CREATE ROLE matins LOGIN CREATEROLE PASSWORD :'password';
CREATE DATABASE warehouse OWNER matins;
CREATE DATABASE ledger OWNER matins;
CREATE DATABASE dagster OWNER matins;
CREATE DATABASE mlflow OWNER matins;
CREATE DATABASE airflow OWNER matins;
