UPDATE namespaces SET trust = 'partner' WHERE id = 1;
